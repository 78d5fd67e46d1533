// Runs one benchmark and prints it: a table for people, or with --json one object; --check exits 1 on a missed bar.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import path from "node:path";
import { parseArgs, styleText } from "node:util";

/** One figure that an issue or the design asks for. */
export interface Bar {
  readonly name: string;
  readonly value: number;
  readonly target: number;
  /** Which side of the target is good. */
  readonly want: "at-least" | "at-most";
}

/** What `test/bench/<name>.ts` exports as `bench`. */
export interface Bench {
  /** One line: what is measured and in which unit. */
  readonly about: string;
  run(context: BenchContext): Promise<BenchResult>;
}

export interface BenchContext {
  /** Arguments after the name that are not `--json` or `--check`. */
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  /** Progress for people, on stderr. */
  say(line: string): void;
}

export interface BenchResult {
  readonly metrics: Readonly<Record<string, number>>;
  readonly bars: readonly Bar[];
  /** Bars that fail the run when one does not hold, `--check` or not: what a verification found. */
  readonly mustHold?: readonly Bar[];
}

/** The object that `--json` prints. */
export interface BenchReport {
  readonly bench: string;
  readonly commit: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memoryGb: number; readonly gpu: string };
  readonly metrics: Readonly<Record<string, number>>;
  readonly bars: readonly { name: string; value: number; target: number; holds: boolean }[];
}

const benches = path.dirname(import.meta.dirname);
const root = path.dirname(path.dirname(benches));

/** Median of at least one number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Put a result into the report's shape; a bar holds when its value stands on the wanted side. */
export function toReport(
  bench: string,
  result: BenchResult,
  place: Pick<BenchReport, "commit" | "machine">,
): BenchReport {
  const bars = [...result.bars, ...(result.mustHold ?? [])].map(({ name, value, target, want }) => ({
    name,
    value,
    target,
    holds: want === "at-least" ? value >= target : value <= target,
  }));
  return { bench, ...place, metrics: result.metrics, bars };
}

async function main(): Promise<number> {
  const { positionals, tokens } = parseArgs({ strict: false, allowPositionals: true, tokens: true });
  const flags = new Set(tokens.flatMap((token) => (token.kind === "option" ? [token.name] : [])));
  const name = positionals[0];
  const file = path.join(benches, `${name}.ts`);
  if (!name || !existsSync(file)) {
    process.stderr.write(`kept: no benchmark called ${name}.\n`);
    return 2;
  }
  const stop = new AbortController();
  process.once("SIGINT", () => stop.abort());
  process.once("SIGTERM", () => stop.abort());
  const { bench } = (await import(file)) as { bench: Bench };
  const args = process.argv
    .slice(2)
    .filter((argument) => argument !== name && argument !== "--json" && argument !== "--check");
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  say(`${name}: ${bench.about}`);
  let result: BenchResult;
  try {
    result = await bench.run({ args, signal: stop.signal, say });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    say(`${name}: stopped`);
    return 130;
  }
  if (stop.signal.aborted) return 130;
  const report = toReport(name, result, { commit: commit(), machine: machine() });
  process.stdout.write(flags.has("json") ? `${JSON.stringify(report)}\n` : table(report));
  const nChecked = flags.has("check") ? 0 : result.bars.length;
  return report.bars.slice(nChecked).some((bar) => !bar.holds) ? 1 : 0;
}

/** The report as lines for people. */
export function table(report: BenchReport): string {
  const { machine } = report;
  const lines = [
    `${report.bench} at ${report.commit}, ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB, GPU ${machine.gpu}`,
  ];
  const width = Math.max(
    0,
    ...Object.keys(report.metrics).map((key) => key.length),
    ...report.bars.map((bar) => bar.name.length),
  );
  for (const [key, value] of Object.entries(report.metrics)) lines.push(`  ${key.padEnd(width)}  ${format(value)}`);
  for (const bar of report.bars) {
    const mark = bar.holds ? styleText("green", "holds") : styleText("red", "missed");
    lines.push(`  ${bar.name.padEnd(width)}  ${format(bar.value)} against ${format(bar.target)}: ${mark}`);
  }
  return `${lines.join("\n")}\n`;
}

function format(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(4);
}

function commit(): string {
  return output("git", ["rev-parse", "HEAD"]) ?? "unknown";
}

function machine(): BenchReport["machine"] {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    gpu: output("nvidia-smi", ["--query-gpu=name", "--format=csv,noheader"])?.split("\n")[0] ?? "none",
  };
}

function output(command: string, args: readonly string[]): string | null {
  try {
    return execFileSync(command, args, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}

if (import.meta.main) process.exit(await main());
