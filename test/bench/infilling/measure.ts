import type { Completion, CompletionRequest } from "../../../engine/generate/completion.ts";
import { readTasks, type HoleKind, type InfillingTask } from "./infilling-task.ts";
import { runTask } from "./run-task.ts";

/** Answers are judged while the next one is generated, and no more than that: the model needs the cores. */
const MAX_RUNNING = 2;
/** Longest answer in tokens: the longest reference is well below. */
const MAX_TOKENS = { line: 64, rest: 64, block: 160 } as const satisfies Record<HoleKind, number>;

export interface MeasureOptions {
  /** Most tasks, spread evenly over the set; all when left out. */
  readonly limit?: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export interface InfillingMeasures {
  readonly nTasks: number;
  readonly passed: number;
  readonly byKind: Record<string, { n: number; passed: number }>;
}

export function requestFor(task: InfillingTask): CompletionRequest {
  return {
    prefix: task.prefix,
    suffix: task.suffix,
    path: task.path,
    repository: "",
    examples: [],
    maxTokens: MAX_TOKENS[task.kind],
    lines: task.kind === "block" ? "block" : "single",
  };
}

/**
 * How many of the tasks a model solves at the first answer: its completion goes into the hole as it is, and
 * the function's assertions are run. What the model returned is never in this process more than text.
 */
export async function measureInfilling(
  complete: (request: CompletionRequest, signal: AbortSignal) => Promise<Completion>,
  { limit = Infinity, signal, say }: MeasureOptions,
): Promise<InfillingMeasures> {
  const tasks = spread(readTasks(), limit);
  const byKind: Record<string, { n: number; passed: number }> = {};
  let passed = 0;
  const waiting = tasks.values();
  // The runners share one iterator: each takes the next task when it is done with one.
  const runner = async () => {
    for (const task of waiting) {
      const { text } = await complete(requestFor(task), signal);
      const { verdict } = await runTask(task, text, { signal });
      const kind = (byKind[task.kind] ??= { n: 0, passed: 0 });
      kind.n += 1;
      kind.passed += Number(verdict === "passed");
      passed += Number(verdict === "passed");
    }
  };
  await Promise.all(Array.from({ length: MAX_RUNNING }, runner));
  say(`executable infilling: ${passed} of ${tasks.length} tasks pass`);
  return { nTasks: tasks.length, passed, byKind };
}

/** At most `limit` items at even distances. */
function spread<T>(items: readonly T[], limit: number): T[] {
  const step = Math.max(1, items.length / limit);
  return Array.from({ length: Math.min(limit, items.length) }, (_, i) => items[Math.floor(i * step)]!);
}
