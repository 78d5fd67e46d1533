import { AUTO_MIN_PARAMETERS, chooseProvider, objectionTo, type Choice } from "../../engine/devices/choice.ts";
import { PROVIDERS, type Device, type Provider } from "../../engine/devices/device.ts";
import { describeFinding, remedy, type Finding } from "../../engine/devices/finding.ts";
import { createFindingCache, type FindingCache } from "../../engine/devices/finding-cache.ts";
import { availableParallelism } from "node:os";

/** What was found about one provider, and what comes of it. */
export interface ProviderReport {
  readonly provider: Provider;
  readonly state: Finding["state"] | "software";
  /** One sentence with the reason. */
  readonly found: string;
  /** Why `auto` leaves it alone; null when it would take it. */
  readonly objection: string | null;
  /** What to do to have it; null when there is nothing. */
  readonly remedy: string | null;
  /** What the asked-for device comes to: work on the base model, and on one that is large enough for any device. */
  readonly chosenFor: readonly string[];
}

export interface DeviceReport {
  readonly asked: Device;
  readonly providers: readonly ProviderReport[];
  /** What `asked` comes to for the base model. */
  readonly inference: Choice;
  readonly training: Choice;
}

/**
 * Tries every provider anew and says what it was, in seconds.
 *
 * @param nParameters of the base model; null when there is none, and the choice is that of a large model
 */
export async function reportDevices(
  asked: Device,
  nParameters: number | null,
  findings: Pick<FindingCache, "refresh"> = createFindingCache(),
): Promise<DeviceReport> {
  const found = new Map<Provider, Finding>();
  for (const provider of PROVIDERS) if (provider !== "cpu") found.set(provider, await findings.refresh(provider));
  const choose = (kind: "inference" | "training", size: number) =>
    chooseProvider(asked, { kind, nParameters: size }, (provider) => Promise.resolve(found.get(provider)!));
  const large = Math.max(...Object.values(AUTO_MIN_PARAMETERS));
  const choices = {
    inference: await choose("inference", nParameters ?? large),
    training: await choose("training", nParameters ?? large),
  };
  const forLarge = await choose("inference", large);
  const uses = [
    ["inference", choices.inference],
    ["training", choices.training],
    [`models of ${large / 1e6} M parameters and more`, forLarge],
  ] as const;
  const providers = PROVIDERS.map((provider): ProviderReport => {
    const chosenFor = uses.filter(([, choice]) => choice.provider === provider).map(([use]) => use);
    const finding = found.get(provider);
    return finding ? { ...reportOf(finding), chosenFor } : { ...processor(), chosenFor };
  });
  return { asked, providers, ...choices };
}

const reportOf = (finding: Finding): Omit<ProviderReport, "chosenFor"> => ({
  provider: finding.provider,
  state: finding.state === "ready" && finding.isSoftware ? "software" : finding.state,
  found: describeFinding(finding),
  objection: objectionTo(finding),
  remedy: remedy(finding),
});

const processor = (): Omit<ProviderReport, "chosenFor"> => ({
  provider: "cpu",
  state: "ready",
  found: `always there: ${availableParallelism()} threads`,
  objection: null,
  remedy: null,
});

/** A report as a line of the table. */
export function describeProvider(report: ProviderReport): string {
  const { found, objection, remedy, chosenFor } = report;
  return [
    found,
    // Where there is none, the finding says why already.
    ...(objection !== null && objection.startsWith(found) ? [objection.slice(found.length).replace(/^; /, "")] : []),
    ...(chosenFor.length > 0 ? [`chosen for ${chosenFor.join(", ")}`] : []),
    ...(remedy === null ? [] : [remedy]),
  ]
    .filter((part) => part !== "")
    .join("; ");
}
