import { createLineIndex, type FoundLine, type LineIndex } from "../retrieve/line-index.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { CompletionRequest } from "./completion.ts";
import { writes } from "./healing.ts";
import { logProbabilityOf } from "./logits.ts";
import type { ChoiceContext } from "./next-token.ts";
import type { Prompt } from "./prompt.ts";
import type { TokenReader } from "./token-reader.ts";

/** Lines looked up for one suggestion: each costs a run of the graph. */
const REMEMBERED_LINES = 3;
const VISIBLE_LINES = 2;

/** A longer line is not read, tokens. */
export const MAX_LINE_TOKENS = 40;

/** A line that was written before in such a place, by where it was found. */
export interface FoundText {
  readonly text: string;
  readonly remembered: FoundLine | null;
  readonly visible: FoundLine | null;
}

/** Lines that were written before in such a place as the cursor's, in what is remembered and before the cursor. */
export function linesLike({ prefix, path }: CompletionRequest, remembered: LineIndex): FoundText[] {
  const above = createLineIndex();
  above.add("", prefix.slice(0, prefix.lastIndexOf("\n") + 1), path);
  const found = new Map<string, FoundText>();
  for (const line of remembered.query(prefix, path, REMEMBERED_LINES)) {
    found.set(line.rest, { text: line.rest, remembered: line, visible: null });
  }
  for (const line of above.query(prefix, path, VISIBLE_LINES)) {
    found.set(line.rest, { text: line.rest, remembered: found.get(line.rest)?.remembered ?? null, visible: line });
  }
  return [...found.values()].filter(({ text }) => text.trim() !== "");
}

/** The first line that has anything on it, without white space at its end. */
export const firstLineOf = (text: string): string =>
  text
    .split("\n")
    .find((line) => line.trim() !== "")
    ?.trimEnd() ?? "";

/** Scores lines after a prompt that is read once. */
export interface LineReading {
  /** Natural-log probability of each token after those before it, with the prior and what is owed as in writing them. */
  score(ids: readonly number[], context: ChoiceContext): Promise<readonly number[]>;
}

/** Null when the signal ended it. */
export async function readLines(reader: TokenReader, prompt: Prompt, signal: AbortSignal): Promise<LineReading | null> {
  const read = await reader.prefill(prompt.ids, signal);
  if (read === null) return null;
  const first = read.slice();
  const forbidden = new Map<string, readonly number[]>();
  return {
    async score(ids, { tokenizer, owed, prior, prefixIds }) {
      const rest = ids.length > 1 ? await reader.readAfter(prompt.ids.length, ids.slice(0, -1)) : [];
      const scores: number[] = [];
      let text = "";
      for (const [at, id] of ids.entries()) {
        // The first is asked for again by the next line, and a prior writes over what it mixes.
        const logits = at === 0 ? first.slice() : rest[at - 1]!;
        prior?.mix(logits, [...prefixIds, ...ids.slice(0, at)]);
        const owes = owed.slice(text.length);
        if (owes !== "") {
          if (!forbidden.has(owes)) forbidden.set(owes, others(tokenizer, logits.length, owes));
          for (const other of forbidden.get(owes)!) logits[other] = -Infinity;
        }
        scores.push(Math.max(LEAST, logProbabilityOf(logits, id)));
        text += tokenizer.textOf(id);
      }
      return scores;
    },
  };
}

/** Of a token that cannot stand there, so that a sum of it stays finite; nats. */
const LEAST = -30;

/** Tokens that do not write what is owed. */
function others(tokenizer: Tokenizer, vocabSize: number, owes: string): readonly number[] {
  const ids: number[] = [];
  for (let id = 0; id < vocabSize; id++) if (!writes(tokenizer, id, owes)) ids.push(id);
  return ids;
}
