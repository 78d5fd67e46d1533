import { fork } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { listSupportedBackends } from "../runtime.ts";
import type { Provider } from "./device.ts";
import type { Finding } from "./finding.ts";
import type { ProbeAnswer, ProbeQuestion } from "./probe-process.ts";

export interface ProbeOptions {
  /** Longest wait for the answer, milliseconds. */
  readonly deadlineMs?: number;
  /** The probe's entry; the one that ships unless given. */
  readonly entry?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A driver compiles its first shader in a second or two; a software one on a busy machine takes many. */
const DEADLINE_MS = 30_000;

/** Larger than the rounding of the 10-bit mantissas that some devices multiply in; anything else is wrong. */
const LARGEST_ERROR = 1e-2;

/** Tries one provider on this machine, in a process of its own. Never throws and never takes longer than the deadline. */
export async function probeProvider(provider: Provider, options: ProbeOptions = {}): Promise<Finding> {
  if (!isListed(provider)) return { provider, state: "not-listed" };
  const missing = missingLibraries(provider);
  if (missing.length > 0) return { provider, state: "libraries-missing", message: missing.join(", ") };
  return { provider, ...judge(provider, await ask(provider, options)) };
}

/** Whether the runtime was built with the provider for this platform. */
export function isListed(provider: Provider): boolean {
  return provider === "cpu" || listSupportedBackends().some(({ name }) => name === provider);
}

/** Files of the runtime's package that the provider is loaded from, and that the package can be without. */
function missingLibraries(provider: Provider): string[] {
  if (provider !== "cuda") return [];
  const folder = path.join(runtimeFolder(), "bin", "napi-v6", process.platform, process.arch);
  return ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"].filter(
    (name) => !existsSync(path.join(folder, name)),
  );
}

const require = createRequire(import.meta.filename);

function runtimeFolder(): string {
  return path.dirname(require.resolve("onnxruntime-node/package.json"));
}

/** Version of ONNX Runtime's package. */
export const runtimeVersion = (): string => (require("onnxruntime-node/package.json") as { version: string }).version;

type Judgement = Finding extends infer F ? (F extends Finding ? Omit<F, "provider"> : never) : never;

/** What an answer says about the provider. */
export function judge(provider: Provider, answer: ProbeAnswer): Judgement {
  if (!answer.ok) return { state: stateOf(answer.message), message: answer.message };
  const { error, gflops, cpuGflops, drivers, deviceFiles } = answer;
  if (!(error <= LARGEST_ERROR))
    return { state: "failed", message: `its results differ from the processor's by ${error.toExponential(1)}` };
  const isSoftware = provider !== "cpu" && deviceFiles?.length === 0;
  return { state: "ready", isSoftware, drivers, gflops, cpuGflops, error };
}

const NO_DEVICE = /get a WebGPU adapter|no CUDA-capable device|driver version is insufficient|no supported adapter/i;
const NO_LIBRARY = /failed to load (?:shared )?library|cannot open shared object/i;

function stateOf(message: string): "no-device" | "libraries-missing" | "failed" {
  if (NO_DEVICE.test(message)) return "no-device";
  return NO_LIBRARY.test(message) ? "libraries-missing" : "failed";
}

async function ask(provider: Provider, options: ProbeOptions): Promise<ProbeAnswer> {
  const deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  const child = fork(options.entry ?? probeEntry(), [], {
    // The host's own flags, such as a debugger's port, are not for the child.
    execArgv: [],
    env: { ...(options.env ?? process.env), ELECTRON_RUN_AS_NODE: "1" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => (stderr = (stderr + chunk.toString()).slice(-STDERR_TAIL_CHARS)));
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise<ProbeAnswer>((resolve) => {
      const fail = (message: string) => resolve({ ok: false, message });
      timer = setTimeout(() => fail(`no answer within ${deadlineMs / 1000} s`), deadlineMs);
      child.once("message", (answer: ProbeAnswer) => resolve(withoutSource(answer)));
      child.once("error", (error) => fail(error.message));
      child.once("exit", (code, signal) =>
        fail([`the probe ended with ${signal ?? `code ${code}`}`, lastLine(stderr)].filter(Boolean).join(": ")),
      );
      child.send({ provider } satisfies ProbeQuestion, (error) => error && fail(error.message));
    });
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
  }
}

const STDERR_TAIL_CHARS = 2_000;
const lastLine = (text: string): string => text.trim().split("\n").at(-1) ?? "";

/** The runtime's messages begin with its own source file and function; the sentence comes last. */
function withoutSource(answer: ProbeAnswer): ProbeAnswer {
  if (answer.ok) return answer;
  return {
    ok: false,
    message: answer.message
      .trim()
      .replace(/^.* was false\. /s, "")
      .replace(/^\/\S+ /, ""),
  };
}

/** The bundle beside this one, or the source when this runs from source. */
function probeEntry(): string {
  const here = import.meta.dirname;
  const isSource = path.basename(here) === "devices";
  return path.join(here, isSource ? "probe-process.ts" : "device-probe.cjs");
}
