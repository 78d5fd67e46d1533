import { readFileSync } from "node:fs";

/** What left the processes of this network namespace since it was made. */
export interface Packets {
  /** Packets of every interface but loopback, both ways. */
  readonly elsewhere: number;
  /** Connections and datagrams to an address that no route leads to: every address but loopback's. */
  readonly refused: number;
  /** Datagrams to anywhere, loopback included: a question for a name would be one. */
  readonly datagrams: number;
}

/** Counted by the kernel: nothing that a program does goes past it. */
export function countPackets(): Packets {
  const interfaces = readFileSync("/proc/self/net/dev", "utf8").split("\n").slice(2).filter(Boolean);
  const elsewhere = interfaces.reduce((sum, line) => {
    const [name = "", ...values] = line.replace(":", " ").trim().split(/\s+/);
    return name === "lo" ? sum : sum + Number(values[1]) + Number(values[9]);
  }, 0);
  return {
    elsewhere,
    refused: counter("Ip", "OutNoRoutes") + counter6("Ip6OutNoRoutes"),
    datagrams: counter("Udp", "OutDatagrams") + counter6("Udp6OutDatagrams"),
  };
}

function counter(protocol: string, name: string): number {
  const [names = "", values = ""] = readFileSync("/proc/self/net/snmp", "utf8")
    .split("\n")
    .filter((line) => line.startsWith(`${protocol}:`));
  return Number(values.split(" ")[names.split(" ").indexOf(name)] ?? Number.NaN);
}

/** A system without IPv6 sends nothing by it. */
function counter6(name: string): number {
  try {
    const line = readFileSync("/proc/self/net/snmp6", "utf8")
      .split("\n")
      .find((line) => line.startsWith(`${name} `));
    return Number(line?.split(/\s+/)[1] ?? 0);
  } catch {
    return 0;
  }
}
