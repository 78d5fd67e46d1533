import { lookup, type LookupAddress, type LookupOptions } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { AppError } from "../errors.ts";

/** Loopback, private, link-local and other addresses that a public host has no reason to send anyone to. */
const INTERNAL = new BlockList();
/** Of these, those that nothing of the user's own listens on: link-local (where clouds keep their credentials), none, many. */
const NEVER = new BlockList();
for (const [network, prefix] of [
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
] as const)
  INTERNAL.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of [
  ["0.0.0.0", 8],
  ["169.254.0.0", 16],
  ["224.0.0.0", 3],
] as const)
  NEVER.addSubnet(network, prefix, "ipv4");
for (const [network, prefix] of [
  ["::1", 128],
  ["64:ff9b::", 96],
  ["fc00::", 7],
] as const)
  INTERNAL.addSubnet(network, prefix, "ipv6");
for (const [network, prefix] of [
  ["::", 128],
  ["fe80::", 10],
  ["ff00::", 8],
  // Where one cloud keeps credentials, in the range of private addresses.
  ["fd00:ec2::254", 128],
] as const)
  NEVER.addSubnet(network, prefix, "ipv6");

export function isInternalAddress(address: string): boolean {
  return isForbiddenAddress(address) || isIn(INTERNAL, address);
}

/** True for addresses that nobody may be sent to, whatever the user allowed. */
export const isForbiddenAddress = (address: string): boolean => isIn(NEVER, address);

function isIn(list: BlockList, address: string): boolean {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return list.check(mapped, "ipv4");
  // An IPv4 address in IPv6's hexadecimal digits is nothing that a name service answers.
  if (/^::ffff:/i.test(address)) return true;
  return list.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

/** The host of a URL as an address, or null for a name. */
export function addressOf(url: URL): string | null {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return isIP(host) === 0 ? null : host;
}

/** True when a connection to the address is refused: always where nobody may go, otherwise unless it was allowed. */
export const isRefusedAddress = (address: string, mayBePrivate: boolean): boolean =>
  mayBePrivate ? isForbiddenAddress(address) : isInternalAddress(address);

/** A name service, as `node:dns` asks it. */
export type Resolve = (
  host: string,
  options: LookupOptions & { all: true },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * A look-up for one connection. A name that stands for an address that is refused is refused as a whole,
 * and the connection goes to an address that was looked at: no later answer of a name service counts.
 */
export const guardedLookup =
  (mayBePrivate: boolean, onAddress: (address: string) => void, resolve: Resolve = lookup): LookupFunction =>
  (host, options, callback) => {
    resolve(host, { ...(options as LookupOptions), all: true }, (error, addresses) => {
      const refused = error ? undefined : addresses.find(({ address }) => isRefusedAddress(address, mayBePrivate));
      const problem = error ?? (refused ? forbiddenHost(host) : null);
      if (problem || addresses.length === 0) return callback(problem ?? new Error(`${host} has no address`), "", 0);
      onAddress(addresses[0]!.address);
      if (options.all === true) return callback(null, addresses);
      return callback(null, addresses[0]!.address, addresses[0]!.family);
    });
  };

export const forbiddenHost = (host: string): AppError =>
  new AppError("egress-refused", `${host} is on this machine or a private network; nothing was sent there.`, {
    hint: "If you mean it, name that address itself where you set it, and allow private addresses.",
  });
