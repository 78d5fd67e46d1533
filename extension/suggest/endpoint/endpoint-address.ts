/** Where suggestions come from when it is not the engine in this editor. */
export type EndpointAddress =
  | { readonly ok: true; readonly url: URL; /** Nothing leaves this machine. */ readonly isLoopback: boolean }
  | { readonly ok: false; readonly reason: "no-address" | "not-encrypted" };

/** A URL writes every spelling of an IPv4 address as four decimal numbers, and IPv6 in its short form. */
const LOOPBACK = /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const PRIVATE =
  /^(?:10\.\d+\.\d+\.\d+|172\.(?:1[6-9]|2\d|3[01])\.\d+\.\d+|192\.168\.\d+\.\d+|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.\d+\.\d+|\[f[cd][0-9a-f]{2}:[0-9a-f:]*\])$/;

/**
 * Reads the setting. Names are what they say: `localhost` is this machine, every other name is another one,
 * and code goes to it over https alone, or over http to an address of a private network.
 */
export function endpointAddress(text: string): EndpointAddress {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isWeb = url !== null && (url.protocol === "http:" || url.protocol === "https:");
  if (!isWeb || url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "")
    return { ok: false, reason: "no-address" };
  const isLoopback = LOOPBACK.test(url.hostname);
  if (url.protocol === "http:" && !isLoopback && !PRIVATE.test(url.hostname))
    return { ok: false, reason: "not-encrypted" };
  return { ok: true, url, isLoopback };
}

/** The address of a route, whether the setting ends in `/v1`, in `/`, or in neither. */
export function routeOf(base: URL, route: `/${string}`): URL {
  const root = base.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
  return new URL(`${root}${route}`, base.origin);
}
