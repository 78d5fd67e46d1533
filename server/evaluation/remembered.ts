import type { DatasetRow } from "../../core/dataset-row.ts";
import { rememberedText } from "../../core/datasets/remembered-text.ts";
import type { RepositoryMemory } from "../../engine/generate/generator.ts";
import { createServedExamples } from "../../engine/process/served-examples.ts";

/**
 * The code that an editor would have remembered at a case: what feedback had found good before it. Mined history is
 * not among it: editors are not given it.
 */
export interface RememberedCode {
  /** Goes on in time to cases that lie together; none of them sees its own group, or anything later than the first. */
  forwardTo(cases: readonly DatasetRow[]): Promise<void>;
  memoryAt(row: DatasetRow): RepositoryMemory | null;
}

/** @param rows of all parts, in any order */
export function followRememberedCode(rows: readonly DatasetRow[], encode: (text: string) => number[]): RememberedCode {
  const served = createServedExamples(encode);
  const waiting = rows
    .filter(({ good, source }) => good && source === "feedback")
    .toSorted((left, right) => left.writtenAt - right.writtenAt || (left.id < right.id ? -1 : 1));
  return {
    async forwardTo(cases) {
      const until = Math.min(...cases.map(({ writtenAt }) => writtenAt));
      const groups = new Set(cases.map(({ group }) => group));
      const isKnown = ({ writtenAt, group }: DatasetRow): boolean => writtenAt < until && !groups.has(group);
      const next = waiting.filter(isKnown);
      const left = waiting.filter((row) => !isKnown(row));
      waiting.splice(0, waiting.length, ...left);
      await served.take(next.map(exampleOfRow), "add");
    },
    memoryAt: ({ root }) => served.memoryOf(root),
  };
}

const exampleOfRow = ({ id, root, path, language, prefix, completion }: DatasetRow) => ({
  id,
  root,
  path,
  language,
  text: rememberedText(prefix, completion),
});
