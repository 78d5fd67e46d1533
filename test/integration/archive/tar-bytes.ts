import { readTar, tarEnd, tarHeader, tarPadding } from "../../../server/archive/tar.ts";
import { Readable } from "node:stream";
import { deflateRawSync } from "node:zlib";

export interface Member {
  name: string;
  bytes: Buffer;
}

export async function membersOf(tar: Buffer): Promise<Member[]> {
  const found: Member[] = [];
  for await (const entry of readTar(Readable.from([tar]))) {
    const pieces: Uint8Array[] = [];
    for await (const piece of entry.read()) pieces.push(Buffer.from(piece));
    found.push({ name: entry.name, bytes: Buffer.concat(pieces) });
  }
  return found;
}

export const headerAndBytes = ({ name, bytes }: Member): Buffer[] => [
  tarHeader(name, bytes.length, 1),
  bytes,
  tarPadding(bytes.length),
];
export const tarOf = (some: readonly Member[]): Buffer => Buffer.concat([...some.flatMap(headerAndBytes), tarEnd()]);
/** The smallest zip file with one entry. */
export function zipOf(name: string, bytes: Buffer): Buffer {
  const packed = deflateRawSync(bytes);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  header.writeUInt16LE(8, 8);
  header.writeUInt32LE(packed.length, 18);
  header.writeUInt32LE(bytes.length, 22);
  header.writeUInt16LE(name.length, 26);
  return Buffer.concat([header, Buffer.from(name), packed]);
}
