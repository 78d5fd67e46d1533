import { InferenceSession, Tensor } from "../runtime.ts";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import path from "node:path";
import { encodeModel } from "../graph/encode.ts";
import { addInput, addOutput, createGraph } from "../graph/graph.ts";
import { matmul } from "../graph/operators.ts";
import type { Provider } from "./device.ts";

/**
 * Entry of the probe: tries one provider with a graph of one node in a process of its own, since a driver
 * may abort it or never come back. Asked and answered over Node's IPC channel.
 */

export interface ProbeQuestion {
  readonly provider: Provider;
}

export type ProbeAnswer =
  | {
      readonly ok: true;
      readonly gflops: number;
      readonly cpuGflops: number;
      /** Largest difference to the processor's result, relative to its largest number. */
      readonly error: number;
      /** Libraries of graphics drivers in this process, and device files that it holds open; null where unknown. */
      readonly drivers: readonly string[];
      readonly deviceFiles: readonly string[] | null;
    }
  | { readonly ok: false; readonly message: string };

/** Side of the matrices: the first tells that a device computes, the second how fast one is that is no toy. */
const SIDES = [512, 2_048] as const;

/** A device that needs longer for the small product is a processor in disguise; the large one would take seconds. */
const QUICK_MS = 60;

async function probe(provider: Provider): Promise<ProbeAnswer> {
  const graph = createGraph("probe");
  const x = addInput(graph, "x", "float32", ["N", "N"]);
  addOutput(graph, "y", matmul(graph, x, x));
  const model = encodeModel(graph);
  const device = await open(model, provider);
  const processor = await open(model, "cpu");
  let answer: Measured = { error: 0, gflops: 0, cpuGflops: 0 };
  for (const side of SIDES) {
    const onDevice = await time(device, side);
    const onProcessor = await time(processor, side);
    answer = {
      error: Math.max(answer.error, relativeDifference(onDevice.y, onProcessor.y)),
      gflops: (2e-6 * side ** 3) / onDevice.ms,
      cpuGflops: (2e-6 * side ** 3) / onProcessor.ms,
    };
    if (onDevice.ms > QUICK_MS) break;
  }
  return { ok: true, ...answer, drivers: loadedDrivers(), deviceFiles: openDeviceFiles() };
}

interface Measured {
  readonly error: number;
  readonly gflops: number;
  readonly cpuGflops: number;
}

const open = (model: Uint8Array, provider: Provider): Promise<InferenceSession> =>
  InferenceSession.create(model, { executionProviders: [provider], logSeverityLevel: 4 });

/** The second of two runs: the first compiles. */
async function time(session: InferenceSession, side: number): Promise<{ ms: number; y: Float32Array }> {
  const x = new Tensor(
    "float32",
    Float32Array.from({ length: side * side }, (_, i) => Math.sin(i)),
    [side, side],
  );
  await session.run({ x });
  const startedAt = performance.now();
  const { y } = await session.run({ x });
  return { ms: performance.now() - startedAt, y: y!.data as Float32Array };
}

function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  let largest = 0;
  let difference = 0;
  for (const [i, value] of expected.entries()) {
    largest = Math.max(largest, Math.abs(value));
    // A result that is not a number differs by more than anything.
    const distance = Math.abs(value - actual[i]!);
    difference = Math.max(difference, Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance);
  }
  return difference / largest;
}

/** Vulkan drivers are libraries by these names, NVIDIA's part of its OpenGL one. */
const DRIVER = /^lib(?:vulkan_\w+|vk_\w+|GLX_nvidia|nvidia-\w+|cuda)\b.*\.so/;

function loadedDrivers(): string[] {
  if (process.platform !== "linux") return [];
  const files = readFileSync("/proc/self/maps", "utf8").match(/\/\S+$/gm) ?? [];
  return [...new Set(files.map((file) => path.basename(file)))].filter((name) => DRIVER.test(name)).sort();
}

/** Where Linux has its graphics devices; WSL's is `dxg`. */
const DEVICE_FILE = /^\/dev\/(?:dri\/|nvidia|kfd|dxg|mali|kgsl)/;

/** A driver of real hardware holds its device open; one that computes on the processor has nothing to open. */
function openDeviceFiles(): string[] | null {
  if (process.platform !== "linux") return null;
  const files = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // The descriptor that listed the folder is closed by now.
      return [];
    }
  });
  return [...new Set(files)].filter((file) => DEVICE_FILE.test(file)).sort();
}

process.once("message", ({ provider }: ProbeQuestion) => {
  probe(provider)
    .catch((error: Error): ProbeAnswer => ({ ok: false, message: error.message }))
    .then((answer) => process.send!(answer))
    .catch(() => process.exit(1));
});
process.once("disconnect", () => process.exit(0));
