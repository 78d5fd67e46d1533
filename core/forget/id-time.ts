/** When a UUIDv7 was made, milliseconds since 1970: its first 48 bits. */
export const idTimeMs = (uuidv7: string): number => Number.parseInt(uuidv7.replaceAll("-", "").slice(0, 12), 16);
