import type { Clock } from "../clock.ts";
import { randomBytes } from "node:crypto";
import { sameToken } from "./token.ts";

/** Life of a one-time code, milliseconds: from a click to the page that opens. */
export const LOGIN_CODE_MS = 60_000;
/** Codes that wait at once; the oldest goes. */
const MAX_WAITING_CODES = 16;
/** Wrong codes per minute before the next are refused unseen. */
const MAX_FAILURES = 10;
const FAILURE_WINDOW_MS = 60_000;
const CODE_BYTES = 24;

/** One-time codes that let a browser fetch the token, so that no token is ever in a URL. */
export interface LoginCodes {
  mint(): { code: string; expiresAtMs: number };
  /** Uses a code up. */
  redeem(code: string): "ok" | "wrong" | "too-many";
  /** Makes every code that waits worthless. */
  clear(): void;
}

export function createLoginCodes(clock: Clock): LoginCodes {
  let waiting: { code: string; until: number }[] = [];
  let failures: number[] = [];
  return {
    mint() {
      const code = randomBytes(CODE_BYTES).toString("base64url");
      waiting = [...waiting.slice(1 - MAX_WAITING_CODES), { code, until: clock.monotonicMs() + LOGIN_CODE_MS }];
      return { code, expiresAtMs: clock.wallMs() + LOGIN_CODE_MS };
    },
    clear: () => void (waiting = []),
    redeem(code) {
      const now = clock.monotonicMs();
      failures = failures.filter((at) => at > now - FAILURE_WINDOW_MS);
      if (failures.length >= MAX_FAILURES) return "too-many";
      waiting = waiting.filter(({ until }) => until > now);
      const found = waiting.find((candidate) => sameToken(candidate.code, code));
      if (found === undefined) {
        failures.push(now);
        return "wrong";
      }
      waiting = waiting.filter((candidate) => candidate !== found);
      return "ok";
    },
  };
}
