import { replaceFindings } from "../../core/redaction/findings.ts";
import { findSecrets } from "../../core/redaction.ts";
import { createRandom } from "../../core/statistics/random.ts";
import { createSecretScan, type SecretScan } from "../../extension/observe/secret-scan.ts";
import { benignTexts } from "./privacy/benign.ts";
import { N_KINDS, plantSecrets, type PlantedSecret } from "./privacy/secrets.ts";
import { runAlone } from "./privacy/run-alone.ts";
import type { Bar, Bench } from "./harness/report.ts";

const N_SECRETS = 200;
const N_BENIGN = 2_000;
/** Seeds of the secrets and of the texts without any; other seeds give the same verdicts. */
const SEEDS = [1, 2, 3] as const;
/** A run of a secret's characters that is still there is a leak, characters. */
const LEAKED_CHARS = 12;
/** Texts of one event at their longest: code before and after the cursor. */
const EVENT_CHARS = 24_576;
const TIMED_EVENTS = 60;
const PERCENTILE = 0.95;

export const bench: Bench = {
  about: `redaction of ${N_SECRETS} generated secrets of ${N_KINDS} kinds and ${N_BENIGN} texts without any, by seed; what leaves the machine in one loop; what is left after forgetting`,
  async run({ signal, say }) {
    const both = createSecretScan((message) => {
      throw new Error(message);
    });
    const metrics: Record<string, number> = { kinds: N_KINDS };
    let [recall, falsePositives, recallOwn] = [1, 0, 1];
    for (const seed of SEEDS) {
      signal.throwIfAborted();
      const secrets = plantSecrets(N_SECRETS, createRandom(seed));
      const benign = benignTexts(N_BENIGN, createRandom(seed + 100));
      const found = await recallOf(both, secrets);
      for (const kind of found.missed) say(`seed ${seed}: missed ${kind}`);
      const changed = await changedBy(both, benign);
      for (const text of changed.slice(0, 5)) say(`seed ${seed}: changed ${text.slice(0, 100)}`);
      const own = await recallOf((text) => Promise.resolve(findSecrets(text)), secrets);
      recall = Math.min(recall, found.recall);
      recallOwn = Math.min(recallOwn, own.recall);
      falsePositives = Math.max(falsePositives, changed.length / N_BENIGN);
      metrics[`recall, seed ${seed}`] = found.recall;
      metrics[`false positives, seed ${seed}`] = changed.length / N_BENIGN;
    }
    const alone = await loopAlone(signal, say);
    Object.assign(metrics, alone.metrics);
    const { times, gaps } = await timesOf(both);
    metrics["recall of Kept's own rules alone"] = recallOwn;
    metrics["ms an event, median"] = times[times.length >> 1]!;
    metrics["ms an event, p95"] = times[Math.floor(times.length * PERCENTILE)]!;
    metrics["ms that the thread is held at a time, median"] = gaps[gaps.length >> 1]!;
    metrics["ms that the thread is held at a time, p95"] = gaps[Math.floor(gaps.length * PERCENTILE)]!;
    return {
      metrics,
      bars: [
        { name: "kinds of secrets", value: N_KINDS, target: 40, want: "at-least" },
        { name: "recall, worst seed", value: recall, target: 0.95, want: "at-least" },
        { name: "false positives, worst seed", value: falsePositives, target: 0.02, want: "at-most" },
        ...alone.bars,
      ],
    };
  },
};

/** The loop where there is no other machine. Where the system allows no such place nothing is measured, and no bar holds. */
async function loopAlone(
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<{ metrics: Record<string, number>; bars: Bar[] }> {
  const found = await runAlone(signal);
  if (found === null) say("This system allows no network namespace: what leaves the machine was not measured.");
  else say(`the loop: ${found.events} events, ${found.filesBefore} places with code before it was forgotten`);
  const { elsewhere = Number.NaN, refused = Number.NaN, datagrams = Number.NaN } = found ?? {};
  // Counters that cannot rise would say 0 as well.
  const isCounted = found !== null && found.counted.refused > refused && found.counted.datagrams > datagrams;
  const left = found !== null && found.filesBefore > 0 ? found.filesAfter.length : Number.NaN;
  return {
    metrics: { "events of the loop": found?.events ?? 0 },
    bars: [
      { name: "packets to anywhere but loopback", value: elsewhere, target: 0, want: "at-most" },
      { name: "connections to anywhere but loopback", value: refused, target: 0, want: "at-most" },
      { name: "datagrams, such as questions for a name", value: datagrams, target: 0, want: "at-most" },
      { name: "the counters count", value: Number(isCounted), target: 1, want: "at-least" },
      { name: "places with code after it was forgotten", value: left, target: 0, want: "at-most" },
    ],
  };
}

async function recallOf(scan: SecretScan, secrets: readonly PlantedSecret[]) {
  const missed: string[] = [];
  for (const { kind, secret, text } of secrets) {
    if (leaks(replaceFindings(text, await scan(text)), secret)) missed.push(kind);
  }
  return { recall: 1 - missed.length / secrets.length, missed };
}

/** Whether a run of the secret is still there. Its documented prefix, in front of it, gives nothing away. */
function leaks(text: string, secret: string): boolean {
  if (secret.length <= LEAKED_CHARS) return text.includes(secret);
  for (let at = 0; at + LEAKED_CHARS <= secret.length; at += 1) {
    if (text.includes(secret.slice(at, at + LEAKED_CHARS))) return true;
  }
  return false;
}

async function changedBy(scan: SecretScan, texts: readonly string[]): Promise<string[]> {
  const changed: string[] = [];
  for (const text of texts) if ((await scan(text)).length > 0) changed.push(text);
  return changed;
}

/** Time to look through the texts of one event, milliseconds, sorted. It runs behind the handlers, never in them. */
async function timesOf(scan: SecretScan): Promise<{ times: number[]; gaps: number[] }> {
  const random = createRandom(7);
  const times: number[] = [];
  const gaps: number[] = [];
  for (let i = 0; i < TIMED_EVENTS; i += 1) {
    const text = [...benignTexts(400, random), ...plantSecrets(5, random).map((one) => one.text)]
      .join("\n")
      .slice(0, EVENT_CHARS);
    const began = performance.now();
    let [last, longest, isDone] = [began, 0, false];
    const tick = () => {
      const now = performance.now();
      [longest, last] = [Math.max(longest, now - last), now];
      if (!isDone) setImmediate(tick);
    };
    setImmediate(tick);
    await scan(text);
    times.push(performance.now() - began);
    isDone = true;
    await new Promise((resolve) => setImmediate(resolve));
    gaps.push(longest);
  }
  return { times: times.sort((a, b) => a - b), gaps: gaps.sort((a, b) => a - b) };
}
