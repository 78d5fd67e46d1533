import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../fixtures/checkpoints");

/** A small random checkpoint with what transformers computes from it; see `test/fixtures/make_checkpoints.py`. */
export interface CheckpointFixture {
  readonly name: string;
  readonly dir: string;
  readonly ids: readonly number[];
  /** Of every position, each (V). */
  readonly logits: readonly (readonly number[])[];
}

export const checkpointFixtures = (): CheckpointFixture[] => readdirSync(root).toSorted().map(checkpointFixture);

export function checkpointFixture(name: string): CheckpointFixture {
  const dir = path.join(root, name);
  const expected = JSON.parse(readFileSync(path.join(dir, "expected.json"), "utf8")) as Pick<
    CheckpointFixture,
    "ids" | "logits"
  >;
  return { name, dir, ...expected };
}

/** The largest difference of two tables of logits of equal shape. */
export function worstDifference(actual: readonly ArrayLike<number>[], expected: readonly ArrayLike<number>[]): number {
  if (actual.length !== expected.length) return Infinity;
  let worst = 0;
  actual.forEach((row, t) => {
    if (row.length !== expected[t]!.length) worst = Infinity;
    for (let i = 0; i < row.length; i++) {
      const difference = Math.abs(row[i]! - expected[t]![i]!);
      worst = Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
    }
  });
  return worst;
}
