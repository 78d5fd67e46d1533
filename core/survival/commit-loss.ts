import { type CauseFinding, causeOfLoss, type LossHunk } from "./causes.ts";
import type { TouchedSnippet } from "./commit-step.ts";
import { type CodeHunk, type HunkSide, readHunk } from "./file-change.ts";
import { ownersIn } from "./map-anchors.ts";
import type { Snapshot } from "./snapshot.ts";

/** What is known of a commit that lost tokens of a snippet. */
export interface LossQuestion {
  readonly snippet: number;
  readonly nTokens: number;
  /** Tokens that stood before and stand after. */
  readonly before: number;
  readonly after: number;
  readonly acceptedAt: number;
  /** What the snippet replaced when it was accepted; null when not known. */
  readonly textBefore: string | null;
  readonly commit: {
    readonly committedAt: number;
    readonly message: string;
    readonly isMerge: boolean;
    readonly nFiles: number;
    readonly nDeletedLines: number;
  };
  readonly isFirst: boolean;
  readonly introducedBy: readonly string[];
  readonly touched: readonly TouchedSnippet[];
  /** After the commit. */
  readonly snapshot: Snapshot;
  /** Whether another snippet was accepted later than this one. */
  isLater(other: number): boolean;
}

/** The cause of a loss that a commit brought, from what the commit changed (survival.md section 2.2). */
export const causeOfCommitLoss = (question: LossQuestion): CauseFinding => {
  const { touched, nTokens, commit } = question;
  const hunks: LossHunk[] = [];
  for (const change of new Set(touched.map((one) => one.change))) {
    const ofSnippet = new Set(touched.filter((one) => one.change === change).map(({ hunk }) => hunk));
    for (const hunk of ofSnippet) {
      const { deleted, added } = factsOf(hunk);
      hunks.push({ deleted, added, touchesSnippet: true });
    }
  }
  const [first] = touched;
  const file =
    first === undefined || first.change.newPath === first.change.oldPath
      ? "kept"
      : first.change.newPath === null
        ? "deleted"
        : "renamed";
  return causeOfLoss({
    kind: "commit",
    afterMs: Math.max(0, commit.committedAt - question.acceptedAt),
    lost: (question.before - question.after) / nTokens,
    lostInAll: 1 - question.after / nTokens,
    moved: false,
    replacedBy: isReplacedByLater(question) ? "ai" : null,
    textBefore: question.textBefore,
    textNow: hunks.length === 0 ? null : hunks.map(({ added }) => added).join("\n"),
    fileAsBefore: false,
    message: commit.message,
    isMerge: commit.isMerge,
    isFirst: question.isFirst,
    introducedBy: question.introducedBy,
    nFiles: commit.nFiles,
    nDeletedLines: commit.nDeletedLines,
    nSnippetLines: touched.reduce((sum, { nLines }) => sum + nLines, 0),
    hunks,
    file,
    ...surroundings(touched),
  });
};

/** What the losses of all snippets of one hunk are told from. */
interface HunkFacts {
  /** Text of the lines that only one side has. */
  readonly deleted: string;
  readonly added: string;
  /** Lines that are not blank: deleted ones, and those around them that stayed. */
  readonly nDeleted: number;
  readonly nKept: number;
  /** Whether a deleted declaration has no namesake in what was added; null when none was deleted. */
  readonly symbolGone: boolean | null;
}

/** One hunk may have taken dozens of snippets: it is read once. */
const factsOf = (hunk: CodeHunk): HunkFacts => {
  const known = knownFacts.get(hunk);
  if (known !== undefined) return known;
  const read = readHunk(hunk);
  const added = changedText(read.new);
  let nDeleted = 0;
  let nKept = 0;
  let symbolGone: boolean | null = null;
  for (const [line, text] of read.old.lines.entries()) {
    if (text.trim() === "") continue;
    if (read.old.isChanged[line] === 0) {
      nKept += 1;
      continue;
    }
    nDeleted += 1;
    const name = DECLARATION.exec(text)?.[1];
    if (name !== undefined) symbolGone = symbolGone === true || !added.includes(name);
  }
  const facts = { deleted: changedText(read.old), added, nDeleted, nKept, symbolGone };
  knownFacts.set(hunk, facts);
  return facts;
};

const knownFacts = new WeakMap<CodeHunk, HunkFacts>();

const changedText = (side: HunkSide): string => side.lines.filter((_, line) => side.isChanged[line] === 1).join("\n");

/** Most of what was written in the snippet's place is another, later snippet. */
const isReplacedByLater = ({ touched, snapshot, snippet, isLater }: LossQuestion): boolean => {
  let nAdded = 0;
  let nLater = 0;
  for (const { change, hunk } of touched) {
    if (change.newPath === null) continue;
    const side = readHunk(hunk).new;
    const owners = ownersIn(side, snapshot.files.get(change.newPath));
    for (let index = 0; index < owners.length; index += 1) {
      if (side.isChanged[side.line[index] as number] === 0) continue;
      nAdded += 1;
      const owner = owners[index] as number;
      if (owner !== -1 && owner !== snippet && isLater(owner)) nLater += 1;
    }
  }
  return nLater * 2 > nAdded;
};

const DECLARATION =
  /^\s*(?:export\s+|default\s+|public\s+|private\s+|protected\s+|static\s+|abstract\s+|async\s+|pub(?:\([^)]*\))?\s+)*(?:function\*?|class|interface|enum|struct|trait|impl|def|fn|func|fun|module|namespace|(?:const|let|var)(?=\s+[\w$]+\s*=\s*(?:async\s*)?(?:\(|function)))\s+([\w$]+)/;

/** How the lines beside the snippet's own fared, and whether the declaration around it went. */
const surroundings = (
  touched: readonly TouchedSnippet[],
): { symbolGone: boolean | null; neighboursLost: number | null } => {
  let nBeside = 0;
  let nLost = 0;
  let symbolGone: boolean | null = null;
  for (const { hunk, nLines } of touched) {
    const { nDeleted, nKept, symbolGone: isGone } = factsOf(hunk);
    if (isGone !== null) symbolGone = symbolGone === true || isGone;
    const nOthers = Math.max(0, nDeleted - nLines);
    nBeside += nOthers + nKept;
    nLost += nOthers;
  }
  return { symbolGone, neighboursLost: nBeside === 0 ? null : nLost / nBeside };
};
