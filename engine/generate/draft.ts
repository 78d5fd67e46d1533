/**
 * Guesses the tokens to come from the prompt itself, since code repeats: what followed the last place
 * where the latest tokens stood before (prompt lookup decoding, Saxena 2023). Read together with a
 * chosen token, right guesses cost a fraction of a run each; wrong ones are forgotten.
 */
export interface Draft {
  /** At most `limit` guesses at what follows `generated`, whose last token has just been chosen. */
  propose(generated: readonly number[], limit: number): readonly number[];
  /** How many of the tokens proposed last were right. */
  learn(nRight: number): void;
}

/** Fewer tokens than this in common are chance more often than a copy. */
const MIN_MATCH_TOKENS = 3;
const FIRST_GUESSES = 3;
/** Reading more at once costs as much as the tokens would one by one. */
const MAX_GUESSES = 8;

export function createDraft(promptIds: readonly number[]): Draft {
  let nGuesses = FIRST_GUESSES;
  let nProposed = 0;
  return {
    propose(generated, limit) {
      const ids = [...promptIds, ...generated];
      const at = earlierEnd(ids);
      const guesses = at < 0 ? [] : ids.slice(at, at + Math.min(nGuesses, limit));
      nProposed = guesses.length;
      return guesses;
    },
    learn(nRight) {
      if (nProposed === 0) return;
      if (nRight === nProposed) nGuesses = Math.min(MAX_GUESSES, nGuesses * 2);
      else if (nRight === 0) nGuesses = Math.max(1, Math.floor(nGuesses / 2));
    },
  };
}

/** The index after the latest earlier copy of the last tokens; -1 where there is none. */
function earlierEnd(ids: readonly number[]): number {
  const last = ids.length - MIN_MATCH_TOKENS;
  for (let start = last - 1; start >= 0; start--) {
    let length = 0;
    while (length < MIN_MATCH_TOKENS && ids[start + length] === ids[last + length]) length++;
    if (length === MIN_MATCH_TOKENS) return start + length;
  }
  return -1;
}
