import { lookup, type LookupAddress, type LookupOptions } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { AppError } from "../errors.ts";

/** Loopback, private, link-local and other addresses that a public hub has no reason to send anyone to. */
const INTERNAL = new BlockList();
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["224.0.0.0", 3],
] as const)
  INTERNAL.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of [
  ["::", 127],
  ["64:ff9b::", 96],
  ["fc00::", 7],
  ["fe80::", 10],
  ["ff00::", 8],
] as const)
  INTERNAL.addSubnet(network, prefix, "ipv6");

export function isInternalAddress(address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return INTERNAL.check(mapped, "ipv4");
  // An IPv4 address in IPv6's hexadecimal digits is nothing that a name service answers.
  if (/^::ffff:/i.test(address)) return true;
  return INTERNAL.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** The host of a URL as an address, or null for a name. */
export function addressOf(url: URL): string | null {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? null : host;
}

/** A look-up for one connection that refuses names which stand for internal addresses: checked where it connects. */
export const publicLookup: LookupFunction = (host, options, callback) => {
  lookup(host, { ...(options as LookupOptions), all: true }, (error, addresses: LookupAddress[]) => {
    const internal = error ? undefined : addresses.find(({ address }) => isInternalAddress(address));
    const problem = error ?? (internal ? internalAddress(host) : null);
    if (problem || addresses.length === 0) return callback(problem ?? new Error(`${host} has no address`), "", 0);
    if (options.all === true) return callback(null, addresses);
    return callback(null, addresses[0]!.address, addresses[0]!.family);
  });
};

export const internalAddress = (host: string) =>
  new AppError("hub-invalid", `The hub sends the download to ${host}, which is on this machine or a private network.`, {
    hint: "Nothing was sent there. Pull from the hub that has the files.",
  });
