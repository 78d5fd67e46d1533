import { createHash } from "node:crypto";

/** sha256 in hexadecimal: the name of content in files, manifests and versions. Text is hashed as UTF-8. */
export const hashOf = (bytes: Uint8Array | string): string => createHash("sha256").update(bytes).digest("hex");
