import { createHash, createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { proofMessage } from "../../protocol/api.ts";

const TOKEN_BYTES = 32;

/** A fresh bearer token: 32 random bytes in URL-safe base64. */
export const createToken = (): string => randomBytes(TOKEN_BYTES).toString("base64url");

/** Compares by hash, so that lengths are always equal and time says nothing. */
export function sameToken(presented: string, expected: string): boolean {
  return timingSafeEqual(sha256(presented), sha256(expected));
}

/** Proof that the server holds the token; see `proofMessage`. */
export function proveToken(token: string, nonce: string, port: number, pid: number): string {
  return createHmac("sha256", token)
    .update(proofMessage(nonce, port, pid))
    .digest("hex");
}

const sha256 = (text: string): Buffer => createHash("sha256").update(text, "utf8").digest();
