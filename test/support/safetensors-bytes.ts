/** A safetensors file with a header as given, right or wrong, and zeros for data. */
export function safetensorsBytes(header: object | string | Uint8Array, nDataBytes = 8): Uint8Array {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = header instanceof Uint8Array ? header : new TextEncoder().encode(text);
  const file = new Uint8Array(8 + json.length + nDataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  return file;
}

/** A header of one tensor of two float32, some of its fields changed. */
export const headerEntry = (fields: object): object => ({
  x: { dtype: "F32", shape: [2], data_offsets: [0, 8], ...fields },
});
