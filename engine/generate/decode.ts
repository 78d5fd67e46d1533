import type { Tokenizer } from "../tokenizer/tokenizer.ts";
import type { CompletionRequest, FinishReason } from "./completion.ts";
import { isEnd, logProbabilityOf } from "./logits.ts";
import type { TokenChoice } from "./next-token.ts";
import { createStopCheck, dropUnfinishedWord, loopStart } from "./stop.ts";

export interface DecodeOptions {
  readonly tokenizer: Tokenizer;
  readonly request: CompletionRequest;
  readonly owed: string;
  /** Logits (V) after the prompt's last token. */
  readonly firstLogits: Float32Array;
  readonly choose: TokenChoice;
  /** Reads one more token; the logits (V) after it. */
  next(id: number): Promise<Float32Array>;
  readonly signal: AbortSignal;
}

export interface Decoded {
  /** What follows the cursor, before it is trimmed against the suffix. */
  readonly text: string;
  readonly finish: Exclude<FinishReason, "cancelled">;
  readonly ids: readonly number[];
  /** Summed natural-log probability of the tokens. */
  readonly logProbability: number;
}

/** Writes tokens until the text is complete, the request's limit, or the signal. */
export async function decode(options: DecodeOptions): Promise<Decoded> {
  const { tokenizer, request, owed, choose, signal } = options;
  const isStopped = createStopCheck(request);
  const ids: number[] = [];
  let logProbability = 0;
  let written = "";
  let text = "";
  let logits = options.firstLogits;
  while (ids.length < request.maxTokens && !signal.aborted) {
    const id = choose(logits, { ids, text: written });
    if (isEnd(tokenizer, id)) return { text, finish: "stop", ids, logProbability };
    ids.push(id);
    logProbability += logProbabilityOf(logits, id);
    written = tokenizer.decode(ids);
    const loop = loopStart(ids);
    if (loop !== null) {
      text = dropUnfinishedWord(tokenizer.decode(ids.slice(0, loop)).slice(owed.length));
      return { text, finish: "stop", ids, logProbability };
    }
    const check = isStopped(written.slice(owed.length));
    text = check.text;
    if (check.stop) return { text, finish: "stop", ids, logProbability };
    logits = await options.next(id);
  }
  return { text: dropUnfinishedWord(text), finish: "length", ids, logProbability };
}
