import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import path from "node:path";
import { float32Tensor, readSafetensors, toFloat32, writeSafetensors } from "../../../engine/checkpoint/safetensors.ts";

/** Everything that a run needs to go on from a step as if it had never stopped. */
export interface RunCheckpoint {
  readonly step: number;
  readonly curve: readonly number[];
  readonly firstLoss: { readonly train: number; readonly validation: number | null };
  readonly best: { readonly loss: number; readonly step: number } | null;
  readonly theta: Float32Array;
  readonly bestTheta: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
}

const FILE = "checkpoint.safetensors";
const VECTORS = ["theta", "bestTheta", "firstMoment", "secondMoment"] as const;

/** Write a checkpoint beside the old one, flush it, then take its place: a kill leaves one or the other whole. */
export function saveRunCheckpoint(runDir: string, jobSha256: string, checkpoint: RunCheckpoint): void {
  const { step, curve, firstLoss, best } = checkpoint;
  const tensors = new Map(
    VECTORS.map((name) => [name as string, float32Tensor(checkpoint[name], [checkpoint[name].length])]),
  );
  const state = JSON.stringify({ step, curve, firstLoss, best });
  const bytes = writeSafetensors(tensors, { job: jobSha256, state, sha256: digest(checkpoint, state) });
  const temporary = path.join(runDir, `${FILE}.partial`);
  const file = openSync(temporary, "w");
  writeSync(file, bytes);
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path.join(runDir, FILE));
  const folder = openSync(runDir, "r");
  fsyncSync(folder);
  closeSync(folder);
}

/** The checkpoint of the same job, or null when there is none or it is not whole. */
export function loadRunCheckpoint(runDir: string, jobSha256: string): RunCheckpoint | null {
  const file = path.join(runDir, FILE);
  if (!existsSync(file)) return null;
  try {
    const bytes = readFileSync(file);
    const headerBytes = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const header = JSON.parse(bytes.subarray(8, 8 + headerBytes).toString()) as {
      __metadata__: Record<string, string>;
    };
    const { job, state, sha256 } = header.__metadata__;
    if (job !== jobSha256 || !state) return null;
    const tensors = readSafetensors(bytes);
    const vector = (name: string) => toFloat32(tensors.get(name)!);
    const checkpoint: RunCheckpoint = {
      ...(JSON.parse(state) as Pick<RunCheckpoint, "step" | "curve" | "firstLoss" | "best">),
      theta: vector("theta"),
      bestTheta: vector("bestTheta"),
      firstMoment: vector("firstMoment"),
      secondMoment: vector("secondMoment"),
    };
    return digest(checkpoint, state) === sha256 ? checkpoint : null;
  } catch {
    // A damaged checkpoint is as good as none: the run starts again.
    return null;
  }
}

export function removeRunCheckpoint(runDir: string): void {
  rmSync(path.join(runDir, FILE), { force: true });
}

function digest(checkpoint: RunCheckpoint, state: string): string {
  const hash = createHash("sha256").update(state);
  for (const name of VECTORS)
    hash.update(new Uint8Array(checkpoint[name].buffer, checkpoint[name].byteOffset, checkpoint[name].byteLength));
  return hash.digest("hex");
}
