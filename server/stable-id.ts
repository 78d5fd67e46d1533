import { createHash } from "node:crypto";
import { v7 as uuidv7 } from "uuid";

/** A UUIDv7 that follows from a text alone; its time is 1970, because a report sent again may bear another. */
export function stableId(text: string): string {
  const random = createHash("sha256").update(text).digest().subarray(0, 16);
  return uuidv7({ msecs: 0, random, seq: random.readUInt32BE(0) });
}
