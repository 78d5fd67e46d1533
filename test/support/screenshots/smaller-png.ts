import { crc32, deflateSync, inflateSync } from "node:zlib";

const SIGNATURE_BYTES = 8;

/**
 * The same picture in fewer bytes: the browser compresses for speed. Only the pixels' chunk is packed
 * anew, as one chunk (PNG specification, 10.1); everything else stays as it is.
 */
export function smallerPng(png: Buffer): Buffer {
  const chunks: { type: string; data: Buffer }[] = [];
  for (let at = SIGNATURE_BYTES; at < png.length;) {
    const length = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length) });
    // Length, type and checksum are four bytes each.
    at += length + 12;
  }
  const pixels = Buffer.concat(chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data));
  const packed = deflateSync(inflateSync(pixels), { level: 9, memLevel: 9 });
  const first = chunks.findIndex(({ type }) => type === "IDAT");
  const others = chunks.filter(({ type }) => type !== "IDAT");
  others.splice(first, 0, { type: "IDAT", data: packed });
  const small = Buffer.concat([png.subarray(0, SIGNATURE_BYTES), ...others.map(chunkBytes)]);
  return small.length < png.length ? small : png;
}

function chunkBytes({ type, data }: { type: string; data: Buffer }): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), body.length + 4);
  return bytes;
}
