/** What a commit says of itself. */
export interface CommitMeaning {
  /** It takes an earlier commit back; a revert of a revert does not. */
  readonly revert: boolean;
  /** Ids that it says it reverts, as written: 7 to 64 hex digits, lower case. */
  readonly reverted: readonly string[];
  /** What shows that it mends something: its conventional type, a closed issue, or a word of its subject. */
  readonly fix: "type" | "issue" | "keyword" | null;
}

/** Reads a commit's subject and body. Only the first {@link MAX_MESSAGE_CHARS} are looked at. */
export const readCommitMessage = (message: string): CommitMeaning => {
  const text = message.slice(0, MAX_MESSAGE_CHARS);
  const subject = text.split("\n", 1)[0] ?? "";
  const reverted = [...text.matchAll(REVERTED_ID)].map((match) => (match[1] as string).toLowerCase());
  return { revert: isRevert(subject, reverted), reverted, fix: fixOf(subject, text) };
};

/** Squash merges hold the messages of all their commits; what follows says nothing new. */
const MAX_MESSAGE_CHARS = 16_384;

const REVERTED_ID = /\bthis reverts (?:commit|merge request|pr)?\s*([0-9a-f]{7,64})\b/gi;
const CONVENTIONAL = /^(\w+)(?:\([^)]*\))?!?:\s/;
const FIX_TYPES: ReadonlySet<string> = new Set(["fix", "bugfix", "hotfix", "bug", "security"]);
/** Types whose subject may speak of a fix without being one. */
const OTHER_TYPES: ReadonlySet<string> = new Set([
  "feat",
  "docs",
  "style",
  "refactor",
  "perf",
  "test",
  "tests",
  "build",
  "ci",
  "chore",
  "revert",
  "release",
  "types",
  "deps",
]);
/** The closing keywords of the forges, in front of an issue's number or address. */
const CLOSED_ISSUE =
  /\b(?:fix(?:e[sd])?|resolve[sd]?|close[sd]?)\s*:?\s+(?:[\w.-]+\/[\w.-]+)?(?:#|gh-|https?:\/\/\S+\/issues\/)\d+/i;
const FIX_WORDS =
  /\b(?:fix(?:e[sd]|ing|up)?|bugs?|bugfix(?:es)?|defects?|faults?|hotfix|crash(?:e[sd]|ing)?|regressions?|broken|vulnerabilit(?:y|ies)|cve-\d+|memory leak|off.by.one|race condition|incorrect(?:ly)?|wrong(?:ly)?)\b/i;
/** A typing error in prose, a linter's or a formatter's wish is nothing that the code did wrong. */
const COSMETIC_FIX =
  /\b(?:typos?|lint(?:er|ing)?|spelling|format(?:ting)?|whitespace|indentation|eslint|prettier|docs?|readme|changelog|comments?)\b/i;

const isRevert = (subject: string, reverted: readonly string[]): boolean => {
  const nNested = subject.match(/\brevert\b(?=:? *["“«])/gi)?.length ?? 0;
  if (nNested > 0) return nNested % 2 === 1;
  if (/^re-?(?:apply|land|instate)\b/i.test(subject)) return false;
  return reverted.length > 0 || /^reverts?\b/i.test(subject) || /^back(?:s|ed)? ?out\b/i.test(subject);
};

const fixOf = (subject: string, text: string): CommitMeaning["fix"] => {
  const type = CONVENTIONAL.exec(subject)?.[1]?.toLowerCase();
  if (type !== undefined && FIX_TYPES.has(type)) return "type";
  if (type !== undefined && OTHER_TYPES.has(type)) return null;
  if (COSMETIC_FIX.test(subject)) return null;
  if (CLOSED_ISSUE.test(text)) return "issue";
  return FIX_WORDS.test(subject) ? "keyword" : null;
};
