import { createLineIndex, type FoundLine, type LineIndex } from "../retrieve/line-index.ts";
import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { CompletionRequest } from "./completion.ts";
import { writes } from "./healing.ts";
import { logProbabilityOf } from "./logits.ts";
import type { ChoiceContext } from "./next-token.ts";
import type { Prompt } from "./prompt.ts";
import type { TokenReader } from "./token-reader.ts";

/** The likeliest lines that are read for one suggestion, and those with most votes: each costs a run of the graph. */
const REMEMBERED_LINES = { likeliest: 3, byVotes: 2 };
const VISIBLE_LINES = { likeliest: 3, byVotes: 3 };
/** Lines looked up: a line that the model wrote itself is known from further down. */
const LOOKED_UP = 6;

/** A longer line is not read, tokens. */
export const MAX_LINE_TOKENS = 40;

/** A line that was written before in such a place, by where it was found. */
export interface FoundText {
  readonly text: string;
  readonly remembered: FoundLine | null;
  readonly visible: FoundLine | null;
  /** Whether it is one of the few that are worth reading. */
  readonly isNear: boolean;
}

/** Lines that were written before in such a place as the cursor's, in what is remembered and in its file. */
export function linesLike({ prefix, suffix, path }: CompletionRequest, remembered: LineIndex): FoundText[] {
  const around = createLineIndex();
  around.add("above", prefix.slice(0, prefix.lastIndexOf("\n") + 1).slice(-AROUND_CHARS), path);
  around.add("below", suffix.slice(0, AROUND_CHARS), path);
  const found = new Map<string, FoundText>();
  const isAmong = ({ rank, rankByVotes }: FoundLine, few: typeof VISIBLE_LINES) =>
    rank < few.likeliest || rankByVotes < few.byVotes;
  for (const line of remembered.query(prefix, path, LOOKED_UP)) {
    const text = line.rest.trimEnd();
    found.set(text, { text, remembered: line, visible: null, isNear: isAmong(line, REMEMBERED_LINES) });
  }
  for (const line of around.query(prefix, path, LOOKED_UP)) {
    const text = line.rest.trimEnd();
    const other = found.get(text);
    const isNear = (other?.isNear ?? false) || isAmong(line, VISIBLE_LINES);
    found.set(text, { text, remembered: other?.remembered ?? null, visible: line, isNear });
  }
  return [...found.values()].filter(({ text }) => text.trim() !== "");
}

/** How much of the file on each side is looked at, characters: about what a prompt has room for. */
const AROUND_CHARS = 4_000;

/** The first line that has anything on it, without white space at its end. */
export const firstLineOf = (text: string): string =>
  text
    .split("\n")
    .find((line) => line.trim() !== "")
    ?.trimEnd() ?? "";

/** Scores lines after a prompt that was read. */
export interface LineReading {
  /** Natural-log probability of each token after those before it, with the prior and what is owed as in writing them. */
  score(ids: readonly number[]): Promise<readonly number[]>;
  /** That of a first token alone: nothing has to be read for it. */
  scoreFirst(id: number): number;
}

/** @param first logits (V) after the prompt's last token, which are left alone */
export function readLines(
  reader: TokenReader,
  prompt: Prompt,
  first: Float32Array,
  { tokenizer, owed, prior, prefixIds }: ChoiceContext,
): LineReading {
  const forbidden = new Map<string, readonly number[]>();
  function scoreOf(logits: Float32Array, before: readonly number[], id: number): number {
    const recent = [...prefixIds, ...before];
    const owes = owed.slice(before.map((one) => tokenizer.textOf(one)).join("").length);
    if (owes === "")
      return Math.max(LEAST, prior ? prior.logProbability(logits, recent, id) : logProbabilityOf(logits, id));
    if (!forbidden.has(owes)) forbidden.set(owes, others(tokenizer, logits.length, owes));
    const allowed = logits.slice();
    prior?.mix(allowed, recent);
    for (const other of forbidden.get(owes)!) allowed[other] = -Infinity;
    return Math.max(LEAST, logProbabilityOf(allowed, id));
  }
  return {
    async score(ids) {
      const rest = ids.length > 1 ? await reader.readAfter(prompt.ids.length, ids.slice(0, -1)) : [];
      return ids.map((id, at) => scoreOf(at === 0 ? first : rest[at - 1]!, ids.slice(0, at), id));
    },
    scoreFirst: (id) => scoreOf(first, [], id),
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
