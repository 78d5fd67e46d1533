/** What is known of a suggestion in the moment before it would be shown. */
export interface Offer {
  readonly completion: string;
  /** Text before and after the cursor as the model saw it. */
  readonly prefix: string;
  readonly suffix: string;
  /** Mean natural-log probability of the tokens, and how many there are. */
  readonly meanLogProbability: number;
  readonly tokens: number;
  /** Natural-log probability of the least likely token and of the first, and tokens less likely than even odds. */
  readonly lowest: number;
  readonly first: number;
  readonly unlikely: number;
  /** Of the second and the third least likely token, 0 where there is none, and of the last; unknown of old suggestions. */
  readonly second?: number | undefined;
  readonly third?: number | undefined;
  readonly last?: number | undefined;
}

/** Changes with the meaning or the order of the features: a filter of another version is not used. */
export const FEATURES_VERSION = 2;

/** Names of the features, in their order. */
export const FEATURE_NAMES = [
  "log-probability",
  "log-probability-squared",
  "mean-log-probability",
  "lowest-log-probability",
  "first-log-probability",
  "unlikely-tokens",
  "tokens",
  "length",
  "mid-line",
  "line-so-far",
  "indentation",
  "behind-word",
  "behind-opener",
  "behind-dot-or-quote",
  "ends-open",
  "ends-closed",
  "only-closers",
  "line-seen-before",
  "next-line-again",
  "known-words",
  "likely-and-seen",
  "likely-and-mid-line",
  "multi-line",
  "two-lowest-log-probabilities",
  "three-lowest-log-probabilities",
  "last-log-probability",
] as const;

/** A completion of 60 tokens at even odds each has about this: beyond it all are alike. */
const MIN_LOG_PROBABILITY = -40;
const MAX_CHARS = 200;
/** Shorter lines are in every file. */
const MIN_SEEN_CHARS = 4;

/** The features of {@link FEATURE_NAMES}: numbers of about the same size, finite whatever the text. */
export const featuresOf = (offer: Offer): number[] => {
  const { completion, prefix, suffix, meanLogProbability, tokens } = offer;
  const lineSoFar = prefix.slice(prefix.lastIndexOf("\n") + 1);
  const [firstLine = ""] = completion.split("\n", 1);
  const written = (lineSoFar + firstLine).trim();
  const mean = logProbability(meanLogProbability);
  const lowestTwo = logProbability(offer.lowest) + logProbability(offer.second ?? mean);
  const sum = Math.max(MIN_LOG_PROBABILITY, mean * tokens);
  const isMidLine = lineSoFar.trim() !== "";
  const isSeen = written.length >= MIN_SEEN_CHARS && linesOf(prefix).has(written);
  const nextLine = suffix
    .split("\n")
    .find((line) => line.trim() !== "")
    ?.trim();
  const before = lineSoFar.trimEnd().at(-1) ?? "";
  const end = firstLine.trimEnd().at(-1) ?? "";
  return [
    sum / 10,
    (sum / 10) ** 2,
    mean,
    logProbability(offer.lowest),
    logProbability(offer.first),
    Math.log1p(offer.unlikely),
    Math.log1p(tokens),
    Math.log1p(Math.min(MAX_CHARS, completion.length)),
    Number(isMidLine),
    Math.log1p(Math.min(MAX_CHARS, lineSoFar.trim().length)),
    Math.min(8, lineSoFar.length - lineSoFar.trimStart().length) / 8,
    Number(/[\w$]/.test(before)),
    Number(before !== "" && "([{<=,:".includes(before)),
    Number(before !== "" && ".\"'`".includes(before)),
    Number(end !== "" && "([{,=>".includes(end)),
    Number(end !== "" && ";)]}".includes(end)),
    Number(/^[\s)\]};,]*$/.test(firstLine)),
    Number(isSeen),
    Number(nextLine !== undefined && nextLine === written),
    knownWords(firstLine, prefix),
    Number(isSeen) * (sum / 10),
    Number(isMidLine) * (sum / 10),
    Number(completion.trimEnd().includes("\n")),
    lowestTwo,
    lowestTwo + logProbability(offer.third ?? mean),
    logProbability(offer.last ?? mean),
  ];
};

/** Beyond this one is as unlikely as the next, and what is no number is unlikely. */
const MIN_TOKEN_LOG_PROBABILITY = -6;
const logProbability = (value: number): number =>
  Number.isFinite(value) ? Math.max(MIN_TOKEN_LOG_PROBABILITY, Math.min(0, value)) : MIN_TOKEN_LOG_PROBABILITY;

const linesOf = (text: string): Set<string> =>
  new Set(
    text
      .split("\n")
      .slice(0, -1)
      .map((line) => line.trim()),
  );

/** Fraction of the words of a line that stand in the text; 1 when there are none. */
const knownWords = (line: string, text: string): number => {
  const words = line.match(/[\p{L}_$][\p{L}\p{N}_$]*/gu) ?? [];
  if (words.length === 0) return 1;
  const known = new Set(text.match(/[\p{L}_$][\p{L}\p{N}_$]*/gu));
  return words.filter((word) => known.has(word)).length / words.length;
};
