import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { CompletionRequest, Doubt, FinishReason } from "./completion.ts";
import type { Draft } from "./draft.ts";
import { isEnd, likeliestOf, logProbabilityOf, type LikelyToken } from "./logits.ts";
import type { TokenChoice } from "./next-token.ts";
import { createStopCheck, dropUnfinishedWord, loopStart } from "./stop.ts";

export interface DecodeOptions {
  readonly tokenizer: Tokenizer;
  readonly request: CompletionRequest;
  readonly owed: string;
  /** Logits (V) after the prompt's last token. */
  readonly firstLogits: Float32Array;
  /** Begin with these tokens, whatever would be chosen. */
  readonly begun: readonly number[];
  readonly choose: TokenChoice;
  /** Guesses to read ahead; null reads one token at a time. The text is the same either way. */
  readonly draft: Draft | null;
  /** Reads tokens after the prompt and `nKept` generated ones; the logits (V) after each. */
  read(nKept: number, ids: readonly number[]): Promise<readonly Float32Array[]>;
  /** Told the text after each token, as it would be shown if that were the last. */
  onText?(text: string): void;
  readonly signal: AbortSignal;
}

export interface Decoded {
  /** What follows the cursor, before it is trimmed against the suffix. */
  readonly text: string;
  readonly finish: Exclude<FinishReason, "cancelled">;
  readonly ids: readonly number[];
  /** Summed natural-log probability of the tokens. */
  readonly logProbability: number;
  readonly doubt: Doubt;
  /** What was likely at the place of each token, where that was asked for. */
  readonly likely?: readonly (readonly LikelyToken[])[];
  /** Id of the remembered text that its first line was copied from. */
  readonly copiedFrom?: string;
}

export const NO_DOUBT: Doubt = { lowest: 0, first: 0, unlikely: 0, second: 0, third: 0, last: 0 };

/** The doubt after one more token. */
export function withToken(doubt: Doubt, logProbability: number, isFirst: boolean): Doubt {
  const [lowest, second, third] = [doubt.lowest, doubt.second, doubt.third, logProbability].sort((a, b) => a - b) as [
    number,
    number,
    number,
    number,
  ];
  return {
    lowest,
    second,
    third,
    first: isFirst ? logProbability : doubt.first,
    last: logProbability,
    unlikely: doubt.unlikely + Number(logProbability < -Math.LN2),
  };
}

/** Writes tokens until the text is complete, the request's limit, or the signal. */
export async function decode(options: DecodeOptions): Promise<Decoded> {
  const { tokenizer, request, owed, begun, choose, draft, signal } = options;
  const isStopped = createStopCheck(request);
  const ids: number[] = [];
  const seen: LikelyToken[][] = [];
  const extra = request.nLikely === undefined ? {} : { likely: seen };
  let logProbability = 0;
  let doubt = NO_DOUBT;
  let written = "";
  let text = "";
  /** What was read last: `logits[i + 1]` follow `guesses[i]`, which counts only if it is chosen itself. */
  let logits: readonly Float32Array[] = [options.firstLogits];
  let guesses: readonly number[] = [];
  let at = 0;
  while (ids.length < request.maxTokens && !signal.aborted) {
    const scores = logits[at]!;
    const id = begun[ids.length] ?? choose(scores, { ids, text: written });
    if (isEnd(tokenizer, id)) return { text, finish: "stop", ids, logProbability, doubt, ...extra };
    ids.push(id);
    const likely = logProbabilityOf(scores, id);
    if (request.nLikely !== undefined)
      seen.push([{ id, logProbability: likely }, ...likeliestOf(scores, request.nLikely)]);
    logProbability += likely;
    doubt = withToken(doubt, likely, ids.length === 1);
    written = tokenizer.decode(ids);
    const loop = loopStart(ids);
    if (loop !== null) {
      text = dropUnfinishedWord(tokenizer.decode(ids.slice(0, loop)).slice(owed.length));
      return { text, finish: "stop", ids, logProbability, doubt, ...extra };
    }
    const check = isStopped(written.slice(owed.length));
    text = check.text;
    options.onText?.(text);
    if (check.stop) return { text, finish: "stop", ids, logProbability, doubt, ...extra };
    const nLeft = request.maxTokens - ids.length;
    if (nLeft === 0) break;
    if (id === guesses[at]) {
      at++;
      continue;
    }
    draft?.learn(at);
    guesses = draft?.propose(ids, nLeft - 1) ?? [];
    logits = await options.read(ids.length - 1, [id, ...guesses]);
    at = 0;
  }
  return { text: dropUnfinishedWord(text), finish: "length", ids, logProbability, doubt, ...extra };
}
