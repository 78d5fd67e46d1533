import { runHostSuite } from "../support/vscode/extension-host.ts";
import { bigFile } from "./capture/big-file.ts";
import type {
  CaptureReport,
  MemoryReport,
  Sample,
  ServerReport,
  ServerState,
  TypingReport,
} from "./capture/capture-report.ts";
import { percentile } from "./capture/percentile.ts";
import type { Bar, Bench } from "./harness/report.ts";
import path from "node:path";
import { parseArgs } from "node:util";

const options = {
  tracked: { type: "string", default: "200" },
  keys: { type: "string", default: "1500" },
  rounds: { type: "string", default: "5" },
  suggestions: { type: "string", default: "10000" },
  phases: { type: "string", default: "servers,edits,memory" },
  /** A file for a processor profile of the edits. */
  profile: { type: "string", default: "" },
} as const;

/** From the editor's start to the last figure: ten thousand suggestions take most of it. */
const DEADLINE_MS = 90 * 60_000;

/**
 * `npm run bench -- capture [--tracked 200] [--keys 1500] [--rounds 5] [--suggestions 10000]
 * [--phases servers,edits,memory]`: what
 * Kept costs the extension host of a real VS Code. Heap is counted after a garbage collection, as the
 * growth since activation plus what loading the bundle a second time takes.
 */
export const bench: Bench = {
  about: "handler time per edit, suggestions beside servers that misbehave, activation, memory, in a real VS Code",
  async run({ args, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const run = await runHostSuite({
      entry: "test/bench/capture/in-host.ts",
      environment: {
        KEPT_CONSENT: "allow",
        // Followed until the end: nothing is looked at, and given up, meanwhile.
        KEPT_RETENTION_SCHEDULE_MS: "36000000",
        KEPT_BENCH_TRACKED: values.tracked,
        KEPT_BENCH_KEYS: values.keys,
        KEPT_BENCH_ROUNDS: values.rounds,
        KEPT_BENCH_SUGGESTIONS: values.suggestions,
        KEPT_BENCH_PHASES: values.phases,
        KEPT_BENCH_PROFILE: values.profile === "" ? "" : path.resolve(values.profile),
      },
      workspace: bigFile,
      deadlineMs: DEADLINE_MS,
    });
    if (run.failures.length > 0)
      throw new Error(run.failures.map(({ title, error }) => `${title}: ${error}`).join("\n"));
    const report = run.report as CaptureReport;
    say(`${run.host}: phases ${values.phases}`);
    const metrics: Record<string, number> = {
      "activation (ms)": report.activationMs,
      ...(report.activationCpuMs === null ? {} : { "activation, processor (ms)": report.activationCpuMs }),
      "bundle compiled and evaluated (ms)": report.loadMs,
      "heap of the loaded bundle (MB)": report.loadHeapMb,
    };
    const bars: Bar[] = [
      { name: "activation (ms)", value: report.activationMs, target: 50, want: "at-most" },
      ...(report.servers === undefined ? [] : serverBars(report.servers, metrics)),
      ...(report.typing === undefined ? [] : typingBars(report.typing, metrics)),
      ...(report.memory === undefined ? [] : memoryBars(report.memory, report.loadHeapMb, metrics)),
    ];
    return { metrics, bars };
  },
};

/** A state's percentile is the median over the rounds of each round's own: one busy moment is one round's. */
function serverBars({ rounds }: ServerReport, metrics: Record<string, number>): Bar[] {
  const states: readonly ServerState[] = ["up", "absent", "hung", "slow"];
  const whole = ({ latencyMs }: Sample) => latencyMs;
  const own = ({ latencyMs, engineMs }: Sample) => latencyMs - engineMs;
  const at = (state: ServerState, part: (sample: Sample) => number, p: number) =>
    percentile(
      rounds.map((round) => percentile(round[state].map(part), p)),
      0.5,
    );
  const shift = (part: (sample: Sample) => number) => {
    const found = states.map((state) => at(state, part, 0.95));
    return Math.max(...found) - Math.min(...found);
  };
  for (const state of states) {
    metrics[`suggestion p50, server ${state} (ms)`] = at(state, whole, 0.5);
    metrics[`suggestion p95, server ${state} (ms)`] = at(state, whole, 0.95);
    metrics[`suggestion p50 without the model, server ${state} (ms)`] = at(state, own, 0.5);
    metrics[`suggestion p95 without the model, server ${state} (ms)`] = at(state, own, 0.95);
  }
  return [
    { name: "suggestion p95 between server states (ms)", value: shift(whole), target: 5, want: "at-most" },
    { name: "the same without the model's own time (ms)", value: shift(own), target: 5, want: "at-most" },
  ];
}

function typingBars(
  { edits, editsCpu, tracked, lines, nSlow, nSlowCollected }: TypingReport,
  metrics: Record<string, number>,
): Bar[] {
  metrics["edit p50 (ms)"] = percentile(edits, 0.5);
  metrics["edit p99 (ms)"] = percentile(edits, 0.99);
  if (editsCpu.length > 0) {
    metrics["edit p50, processor (ms)"] = percentile(editsCpu, 0.5);
    metrics["edit p99, processor (ms)"] = percentile(editsCpu, 0.99);
  }
  metrics["edit longest (ms)"] = Math.max(...edits);
  metrics["edits"] = edits.length;
  metrics["edits over 1 ms"] = nSlow;
  metrics["of these with a garbage collection"] = nSlowCollected;
  metrics["lines of the file"] = lines;
  return [
    { name: "handler time per edit, p99 (ms)", value: metrics["edit p99 (ms)"], target: 1, want: "at-most" },
    { name: "suggestions followed", value: tracked, target: 200, want: "at-least" },
  ];
}

function memoryBars(report: MemoryReport, loadHeapMb: number, metrics: Record<string, number>): Bar[] {
  metrics["suggestions for the memory"] = report.suggestions;
  metrics["of these accepted"] = report.accepted;
  metrics["heap grown (MB)"] = report.heapGrowthMb;
  metrics["heap grown in the second half (MB)"] = report.secondHalfMb;
  return [
    {
      name: "memory of the extension host (MB)",
      value: report.heapGrowthMb + loadHeapMb,
      target: 60,
      want: "at-most",
    },
  ];
}
