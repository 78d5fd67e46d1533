import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";

/** One side of a comparison: a process of its own, that loads a model and is asked for rounds. */
export interface Contender {
  /** Reads a prompt from an empty cache, then decodes after it; milliseconds. */
  round(nPrefill: number, nDecode: number): Promise<Round>;
  /** Highest resident memory so far, MiB. */
  peakMb(): Promise<number>;
  readonly loadMs: number;
  [Symbol.dispose](): void;
}

export interface Round {
  readonly prefillMs: number;
  /** Of each decoded token. */
  readonly decodeMs: readonly number[];
}

export type ContenderMessage =
  | { readonly kind: "round"; readonly nPrefill: number; readonly nDecode: number; readonly seed: number }
  | { readonly kind: "peak" };

/** What a contender's entry serves: forked with the model's path and the number of threads. */
export interface ContenderModel {
  round(nPrefill: number, nDecode: number, seed: number): Promise<Round>;
}

/** Longest answer of a child, milliseconds: a large model on a busy machine. */
const ANSWER_TIMEOUT_MS = 300_000;

export async function startContender(
  entry: string,
  model: string,
  threads: number,
  args: readonly string[] = [],
): Promise<Contender> {
  const child = fork(entry, [model, String(threads), ...args], {
    execArgv: [],
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  let seed = 1;
  try {
    const { loadMs } = await answer<{ loadMs: number }>(child);
    const ask = async <T>(message: ContenderMessage): Promise<T> => {
      child.send(message);
      return answer<T>(child);
    };
    return {
      loadMs,
      round: (nPrefill, nDecode) => ask<Round>({ kind: "round", nPrefill, nDecode, seed: seed++ }),
      peakMb: async () => (await ask<{ peakMb: number }>({ kind: "peak" })).peakMb,
      [Symbol.dispose]: () => void child.kill(),
    };
  } catch (error) {
    child.kill();
    throw error;
  }
}

async function answer<T>(child: ChildProcess): Promise<T> {
  const done = new AbortController();
  const timeout = AbortSignal.any([done.signal, AbortSignal.timeout(ANSWER_TIMEOUT_MS)]);
  try {
    const gone = once(child, "exit", { signal: timeout }).then(([code]) => {
      throw new Error(`A contender ended with code ${code}.`);
    });
    gone.catch(() => undefined);
    const [message] = (await Promise.race([once(child, "message", { signal: timeout }), gone])) as [T];
    return message;
  } finally {
    done.abort();
  }
}

/** Serve rounds until the parent goes. */
export async function serveContender(load: (model: string, threads: number) => Promise<ContenderModel>): Promise<void> {
  const [model, threads] = process.argv.slice(2);
  const startedAt = performance.now();
  const contender = await load(model!, Number(threads));
  process.on("message", (message: ContenderMessage) => {
    if (message.kind === "peak") process.send!({ peakMb: process.resourceUsage().maxRSS / 1024 });
    else
      void contender.round(message.nPrefill, message.nDecode, message.seed).then((round) => process.send!(round), fail);
  });
  process.once("disconnect", () => process.exit(0));
  process.send!({ loadMs: performance.now() - startedAt });
}

function fail(error: unknown): void {
  console.error(error);
  process.exit(1);
}

/** Token ids of a prompt: no two rounds share a beginning, so nothing is cached. */
export function promptIds(nTokens: number, seed: number): number[] {
  return Array.from({ length: nTokens }, (_, i) => 300 + ((i * 7 + seed * 131) % 5_000));
}
