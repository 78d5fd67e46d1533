import type { CompletionRequest } from "./completion.ts";
import { NO_DOUBT, withToken, type Decoded } from "./decode.ts";
import { placeOf, risesWithProbability, scoreOf, type LineOption } from "./line-choice.ts";
import { firstLineOf, MAX_LINE_TOKENS, type FoundText, type LineReading } from "./line-options.ts";
import { repeatsLineAbove } from "./stop.ts";

export interface RememberedLineOptions {
  readonly request: Pick<CompletionRequest, "prefix" | "suffix">;
  /** What the model wrote. */
  readonly written: Decoded;
  readonly found: readonly FoundText[];
  readonly reading: LineReading;
  /** Tokens of a line with its end, and with what is owed before it. */
  encode(text: string): readonly number[];
  /** Of `line-choice.ts`. */
  readonly weights: readonly number[];
  readonly signal: AbortSignal;
}

type Read = Pick<Decoded, "logProbability" | "doubt" | "likely">;

/**
 * The line that was written before in such a place, where it is the better one than what was written now; null
 * where it is not, or the signal ended it. Reading a line costs a run of the graph: one that could not be the best
 * however it goes on after its first token is left unread.
 */
export async function rememberedLine(options: RememberedLineOptions): Promise<Decoded | null> {
  const { request, written, found, reading, encode, weights, signal } = options;
  const first = firstLineOf(written.text);
  const others = found.filter(
    ({ text, isNear }) => text !== first && isNear && !repeatsLineAbove(text, request.prefix),
  );
  if (others.length === 0 || signal.aborted) return null;
  const place = placeOf(request);
  const optionOf = (text: string, nTokens: number, logProbability: number): LineOption => {
    const { remembered = null, visible = null } = found.find((one) => one.text === text) ?? {};
    return { text, logProbability, nTokens, isWritten: text === first, remembered, visible };
  };
  async function read(ids: readonly number[]): Promise<Read> {
    const scores = await reading.score(ids);
    return {
      logProbability: scores.reduce((sum, score) => sum + score, 0),
      doubt: scores.reduce((sofar, score, i) => withToken(sofar, score, i === 0), NO_DOUBT),
      likely: ids.map((id, i) => [{ id, logProbability: scores[i]! }]),
    };
  }

  const firstIds = encode(first);
  const own = isSame(firstIds, written.ids) ? written : await read(firstIds);
  let bestScore = scoreOf(optionOf(first, firstIds.length, own.logProbability), place, weights);
  let best: Decoded | null = null;
  const bounded = risesWithProbability(weights, place);
  const unread = others
    .map(({ text }) => {
      const ids = encode(text);
      const most = bounded ? reading.scoreFirst(ids[0]!) : 0;
      const bound = bounded ? scoreOf(optionOf(text, ids.length, most), place, weights) : Infinity;
      return { text, ids, bound };
    })
    .filter(({ ids }) => ids.length <= MAX_LINE_TOKENS)
    .toSorted((left, right) => right.bound - left.bound);
  for (const { text, ids, bound } of unread) {
    if (signal.aborted) return null;
    if (bound <= bestScore) break;
    const line = await read(ids);
    const option = optionOf(text, ids.length, line.logProbability);
    const score = scoreOf(option, place, weights);
    if (score <= bestScore) continue;
    bestScore = score;
    const copied = option.remembered && { copiedFrom: option.remembered.id };
    best = { text, finish: "stop", ids, ...line, ...copied };
  }
  return best;
}

const isSame = (left: readonly number[], right: readonly number[]): boolean =>
  left.length === right.length && left.every((id, at) => id === right[at]);
