import { rememberedText } from "../../core/datasets/remembered-text.ts";
import type { HistoryPoint } from "../../core/history-point.ts";
import type { PromptExample } from "../../engine/generate/completion.ts";
import { createExampleIndex, type IndexedExample } from "../../engine/retrieve/example-index.ts";

/** In-context examples asked for; the prompt takes those that fit. */
export const EXAMPLES_PER_PROMPT = 4;

/** Walks a history and gives each point the examples that an editor would have found when it was written. */
export interface EarlierExamples {
  /**
   * The examples of the next point in time order, from earlier commits alone, for every second point: an adapter
   * has to write with and without them. Points of one commit follow each other; what is not good is no example later.
   */
  next(point: HistoryPoint, isGood?: boolean): PromptExample[];
}

export function followHistory(root: string): EarlierExamples {
  const index = createExampleIndex();
  let nPoints = 0;
  let commit = "";
  let written: HistoryPoint[] = [];
  return {
    next(point, isGood = true) {
      if (point.commit !== commit) {
        for (const earlier of written) index.add(exampleOf(earlier, root));
        written = [];
        commit = point.commit;
      }
      if (isGood) written.push(point);
      nPoints += 1;
      if (nPoints % 2 === 1) return [];
      const { prefix, path, language } = point;
      return index.query({ prefix, path, language }, EXAMPLES_PER_PROMPT).map(({ path: file, text }) => ({
        path: file,
        text,
      }));
    },
  };
}

const MAX_ID_CHARS = 64;

/** What was written at a point, with the lines above it, as an in-context example. */
export function exampleOf(point: HistoryPoint, root: string): IndexedExample {
  const text = rememberedText(point.prefix, point.target);
  const { path, language, commit } = point;
  return { id: point.id.slice(-MAX_ID_CHARS), root, path, language, text, commit };
}
