/** A longer list that begins with the same values; twice as long unless told. */
export const grownList = (values: Int32Array, room: number = 2 * values.length): Int32Array<ArrayBuffer> => {
  const longer = new Int32Array(room);
  longer.set(values);
  return longer;
};
