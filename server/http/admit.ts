import type { ErrorCode } from "../errors.ts";
import { sameToken } from "./token.ts";

/** The parts of a request that decide whether it may come in. */
export interface Arrival {
  readonly method: string;
  /** The request target as it was sent. */
  readonly target: string;
  /** Names and values in turn, as Node's `rawHeaders`. */
  readonly rawHeaders: readonly string[];
}

export interface Gatekeeper {
  readonly port: number;
  readonly token: string;
  /** True for what needs no token: health, the dashboard's own files, the proof and the login. */
  isOpen(method: string, path: string): boolean;
  /** The other key that opens this route; null when none does. Asked only of who does not show the token. */
  keyOf(method: string, path: string): string | null;
}

export type Admission = { readonly ok: true } | { readonly ok: false; readonly reason: ErrorCode };

const ADMITTED: Admission = { ok: true };
const refuse = (reason: ErrorCode): Admission => ({ ok: false, reason });

/**
 * Decides before routing, before the body is read, on every method alike: host, origin, fetch site,
 * then token. Hosts and origins are compared whole; there is no prefix and no pattern to get wrong.
 */
export function admit(arrival: Arrival, gate: Gatekeeper): Admission {
  if (!arrival.target.startsWith("/")) return refuse("malformed");
  const hosts = [`127.0.0.1:${gate.port}`, `localhost:${gate.port}`, `[::1]:${gate.port}`];

  const host = headerValues(arrival.rawHeaders, "host");
  if (host.length !== 1 || !hosts.includes(host[0]!)) return refuse("forbidden-host");

  const origin = headerValues(arrival.rawHeaders, "origin");
  if (origin.length > 1 || (origin.length === 1 && origin[0] !== `http://${host[0]!}`))
    return refuse("forbidden-origin");

  const site = headerValues(arrival.rawHeaders, "sec-fetch-site");
  if (site.length > 1 || (site.length === 1 && site[0] !== "same-origin" && site[0] !== "none")) {
    return refuse("forbidden-origin");
  }

  const path = arrival.target.split("?", 1)[0]!;
  if (gate.isOpen(arrival.method, path)) return ADMITTED;

  const authorization = headerValues(arrival.rawHeaders, "authorization");
  const presented = authorization.length === 1 ? /^Bearer (.*)$/.exec(authorization[0]!)?.[1] : undefined;
  if (presented === undefined) return refuse("unauthorized");
  if (sameToken(presented, gate.token)) return ADMITTED;
  const key = gate.keyOf(arrival.method, path);
  return key !== null && sameToken(presented, key) ? ADMITTED : refuse("unauthorized");
}

function headerValues(rawHeaders: readonly string[], name: string): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === name);
}
