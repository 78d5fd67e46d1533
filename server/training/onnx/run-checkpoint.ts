import { createHash } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { openSafetensors, readHeader, readTensor } from "../../../engine/checkpoint/safetensors-file.ts";
import { bytesOf, writeSafetensorsFile } from "../../../engine/checkpoint/safetensors-writer.ts";

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

/**
 * Write a checkpoint beside the old one, flush it, then take its place: a kill leaves one or the other whole.
 * Vectors go to the file from where they are: of all weights of a large model a copy would have no room.
 */
export function saveRunCheckpoint(runDir: string, jobSha256: string, checkpoint: RunCheckpoint): void {
  const { step, curve, firstLoss, best } = checkpoint;
  const state = JSON.stringify({ step, curve, firstLoss, best });
  const tensors = VECTORS.map((name) => {
    const vector = checkpoint[name];
    const shape = [vector.length];
    return { name, dtype: "F32", shape, nBytes: vector.byteLength, bytes: () => bytesOf(vector) } as const;
  });
  const temporary = path.join(runDir, `${FILE}.partial`);
  writeSafetensorsFile(temporary, tensors, { job: jobSha256, state, sha256: digest(checkpoint, state) });
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
    const stored = openSafetensors(file);
    const header = JSON.parse(new TextDecoder().decode(readHeader(stored))) as {
      __metadata__: Record<string, string>;
    };
    const { job, state, sha256 } = header.__metadata__;
    if (job !== jobSha256 || !state) return null;
    const vector = (name: string) => new Float32Array(readTensor(stored, name)!.bytes.buffer as ArrayBuffer);
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
  for (const name of VECTORS) {
    const bytes = bytesOf(checkpoint[name]);
    // A hash takes less than 2 GiB at once, which the parameters of a large model exceed.
    for (let at = 0; at < bytes.length; at += HASH_BYTES) hash.update(bytes.subarray(at, at + HASH_BYTES));
  }
  return hash.digest("hex");
}

const HASH_BYTES = 2 ** 28;
