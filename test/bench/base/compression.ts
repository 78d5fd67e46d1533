import { execFileSync } from "node:child_process";
import { evenlySpaced } from "../../../core/statistics/evenly-spaced.ts";
import type { Model } from "../../../engine/generate/model.ts";
import { readHeldOutFiles, type SourceText } from "./held-out.ts";
import { revisionOf, type Measurement } from "./measurement.ts";
import type { Progress } from "./progress.ts";

/** What scores text; a Model does. */
export type Scorer = Pick<Model, "scoreCompletion"> & {
  readonly tokenizer: Pick<Model["tokenizer"], "encode">;
  readonly info: Pick<Model["info"], "contextTokens">;
};

/** Text shown before, and predicted in, one window; characters. */
const SHOWN_CHARS = 600;
const PREDICTED_CHARS = 900;

/** Files with less to predict are left out. */
const MIN_PREDICTED_CHARS = 225;

/** Bits per byte on files of the corpus's held-out repositories. Throws when the globs match none. */
export async function measureHeldOut(
  model: Scorer,
  globs: readonly string[],
  limit: number,
  progress: Progress,
): Promise<Measurement> {
  progress.say("bits per byte: reading the held-out files");
  const files = (await readHeldOutFiles(globs, progress.signal)).filter(({ text }) => windowOf(text));
  if (files.length === 0) throw new Error(`No file of a held-out repository in ${globs.join(", ")}.`);
  const chosen = evenlySpaced(files, limit);
  const revision = revisionOf(chosen.flatMap(({ name, text }) => [name, text]));
  const { bitsPerByte, nFiles, nBytes } = await bitsPerByteOf(model, chosen, progress);
  const figures = { bitsPerByte, files: nFiles, bytes: nBytes };
  return { task: "compression", dataset: "heldOutCorpus", revision, limit, figures, details: {} };
}

/**
 * Bits per byte on the TypeScript files of a commit of Kept's own repository, or of another git folder. They
 * are no part of the corpus.
 *
 * @throws when git does not have the commit
 */
export async function measureGitFolder(
  model: Scorer,
  folder: string,
  revision: string,
  limit: number,
  progress: Progress,
): Promise<Measurement> {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, ...args], {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
      stdio: ["ignore", "pipe", "ignore"],
    });
  const commit = git("rev-parse", `${revision}^{commit}`).trim();
  const names = git("ls-tree", "-r", "--name-only", commit)
    .split("\n")
    .filter((name) => name.endsWith(".ts"));
  const chosen = evenlySpaced(names, limit).map((name) => {
    return { name, path: name, repository: "", text: git("show", `${commit}:./${name}`) };
  });
  const { bitsPerByte, nFiles, nBytes } = await bitsPerByteOf(model, chosen, progress);
  const figures = { bitsPerByte, files: nFiles, bytes: nBytes };
  return { task: "compression", dataset: "keptSource", revision: commit, limit, figures, details: {} };
}

/** What follows the first SHOWN_CHARS of each file, from the line that they end in. */
export function windowOf(text: string): { shown: string; predicted: string } | null {
  const lineStart = text.lastIndexOf("\n", SHOWN_CHARS - 1) + 1;
  const predicted = text.slice(lineStart, SHOWN_CHARS + PREDICTED_CHARS);
  if (lineStart === 0 || text.length < SHOWN_CHARS + MIN_PREDICTED_CHARS) return null;
  return { shown: text.slice(0, lineStart), predicted };
}

async function bitsPerByteOf(model: Scorer, files: readonly SourceText[], progress: Progress) {
  let nats = 0;
  let nBytes = 0;
  let nFiles = 0;
  const step = progress.counter("bits per byte", files.length);
  for (const { path, repository, text } of files) {
    progress.signal.throwIfAborted();
    step();
    const window = windowOf(text);
    if (!window) continue;
    const completion = asScored(model, window.predicted);
    const request = { prefix: window.shown, suffix: "", path, repository, examples: [], maxTokens: 1 };
    nats += (await model.scoreCompletion({ ...request, lines: "block" }, completion)).nats;
    nBytes += Buffer.byteLength(completion);
    nFiles += 1;
  }
  return { bitsPerByte: nats / Math.LN2 / nBytes, nFiles, nBytes };
}

/** A model scores at most half its context: bytes beyond that would count as free. */
function asScored(model: Scorer, text: string): string {
  let scored = text;
  while (model.tokenizer.encode(scored).length > model.info.contextTokens / 2 - 8) {
    scored = scored.slice(0, Math.floor(scored.length * 0.8));
  }
  return scored;
}
