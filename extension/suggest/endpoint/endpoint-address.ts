import { BlockList, isIP } from "node:net";

/** Where suggestions come from when it is not the engine in this editor. */
export type EndpointAddress =
  | { readonly ok: true; readonly url: URL; /** Nothing leaves this machine. */ readonly isLoopback: boolean }
  | { readonly ok: false; readonly reason: "no-address" | "not-encrypted" };

const LOOPBACK = new BlockList();
const PRIVATE = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");
for (const [network, prefix] of [
  ["10.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
  ["100.64.0.0", 10],
] as const)
  PRIVATE.addSubnet(network, prefix, "ipv4");
PRIVATE.addSubnet("fc00::", 7, "ipv6");

/**
 * Reads the setting. Names are what they say: `localhost` is this machine, every other name is another one,
 * and code goes to it over https alone, or over http to an address of a private network.
 */
export function endpointAddress(text: string): EndpointAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isWeb = url !== null && (url.protocol === "http:" || url.protocol === "https:");
  if (!isWeb || url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    return { ok: false, reason: "no-address" };
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const isLoopback = host === "localhost" || isIn(LOOPBACK, host);
  if (url.protocol === "http:" && !isLoopback && !isIn(PRIVATE, host)) return { ok: false, reason: "not-encrypted" };
  return { ok: true, url, isLoopback };
}

function isIn(list: BlockList, host: string): boolean {
  const version = isIP(host);
  return version !== 0 && list.check(host, version === 6 ? "ipv6" : "ipv4");
}

/** The address of a route, whether the setting ends in `/v1`, in `/`, or in neither. */
export function routeOf(base: URL, route: `/${string}`): URL {
  const root = base.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
  return new URL(`${root}${route}`, base.origin);
}
