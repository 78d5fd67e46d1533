import type { Device, Provider } from "./device.ts";
import { describeFinding, type Finding } from "./finding.ts";

/** Where a model runs, and why. */
export interface Choice {
  readonly provider: Provider;
  readonly reason: string;
  /** True when it is not what was asked for: a person has to be told. */
  readonly isFallback: boolean;
}

export interface Workload {
  readonly kind: "inference" | "training";
  readonly nParameters: number;
}

/**
 * Smallest models that `auto` takes to a device. A run there costs some hundred dispatches and a copy
 * back, milliseconds whatever the size; the processor decodes a token of 30 M parameters in 4 ms and one
 * of 120 M in 10 ms. In training a run has a thousand tokens, so that arithmetic outweighs the rest
 * sooner, but weights and activations pass over the bus at every step.
 */
export const AUTO_MIN_PARAMETERS = { inference: 200_000_000, training: 100_000_000 } as const;

/** How much faster than the processor a device has to be in the probe before `auto` takes it. */
export const AUTO_MIN_ADVANTAGE = 2;

/** Devices in the order in which `auto` tries them: what is made for the hardware comes first. */
export const AUTO_ORDER = ["cuda", "dml", "webgpu"] as const satisfies readonly Provider[];

/**
 * The provider for a model. `auto` takes a device that answers, is no software one and is clearly faster,
 * for models that gain from it; a device asked for by name is taken whenever it answers. All else is the
 * CPU, with the reason.
 *
 * @param find asked only about providers that could be chosen, since a probe takes a second or two
 */
export async function chooseProvider(
  wanted: Device,
  work: Workload,
  find: (provider: Provider) => Promise<Finding>,
): Promise<Choice> {
  if (wanted === "cpu") return { provider: "cpu", reason: "asked for", isFallback: false };
  if (wanted !== "auto") {
    const finding = await find(wanted);
    return finding.state === "ready"
      ? { provider: wanted, reason: `asked for; ${describeFinding(finding)}`, isFallback: false }
      : { provider: "cpu", reason: `${wanted} was asked for: ${describeFinding(finding)}`, isFallback: true };
  }
  const least = AUTO_MIN_PARAMETERS[work.kind];
  if (work.nParameters < least) return { provider: "cpu", reason: sizeReason(work, least), isFallback: false };
  const reasons: string[] = [];
  for (const provider of AUTO_ORDER) {
    const finding = await find(provider);
    const objection = objectionTo(finding);
    if (objection === null) return { provider, reason: describeFinding(finding), isFallback: false };
    if (finding.state !== "not-listed") reasons.push(`${provider}: ${objection}`);
  }
  return { provider: "cpu", reason: reasons.join("; ") || "no other provider is there", isFallback: false };
}

/** Why `auto` leaves a provider alone, or null. */
export function objectionTo(finding: Finding): string | null {
  if (finding.state !== "ready") return describeFinding(finding);
  if (finding.isSoftware) return `${describeFinding(finding)}; only on request`;
  if (finding.gflops < AUTO_MIN_ADVANTAGE * finding.cpuGflops)
    return `${describeFinding(finding)}; less than ${AUTO_MIN_ADVANTAGE} times as fast`;
  return null;
}

const millions = (n: number): string => `${(n / 1e6).toFixed(n < 1e7 ? 1 : 0)} M`;
const sizeReason = ({ kind, nParameters }: Workload, least: number): string =>
  `${kind} of ${millions(nParameters)} parameters is faster here; a device is tried from ${millions(least)}`;
