import {
  type AcceptRecord,
  type CensorReason,
  type LossRecord,
  type PlaceSeen,
  type SnapRecord,
  type SnippetState,
  SURVIVAL_RECORD_VERSION,
  type SurvivalRecord,
} from "./survival-record.ts";
import { type Syntax, syntaxOf } from "./markdown-text.ts";
import { movedSnippets } from "./moved-places.ts";
import { GONE_BELOW } from "./place-state.ts";
import { countSignificantTokens } from "./tokens.ts";

/** What is known of one accepted snippet: its log, folded. */
export interface SnippetSurvival {
  readonly sid: string;
  readonly acceptedAt: number;
  /** As accepted, or as last renamed. */
  readonly file: string;
  readonly text: string;
  /** How its tokens are read, wherever it stands: by the name of the file that it was accepted in. */
  readonly syntax: Syntax;
  /** Its significant tokens. */
  readonly nTokens: number;
  readonly line: number | null;
  readonly before: string | null;
  readonly head: string | null;
  readonly state: SnippetState;
  /** Retained fraction of significant tokens in the best place, 1 right after the accept; null when not known. */
  readonly tok: number | null;
  readonly aliveRle: readonly number[];
  readonly where: readonly PlaceSeen[];
  readonly conf: number;
  /** Commit of HEAD at the last change. */
  readonly commit: string | null;
  /** When it was last seen to change, milliseconds since 1970. */
  readonly seenAt: number;
  /** First time that a commit was seen to hold it; null before that. */
  readonly committedAt: number | null;
  /** First time that the default branch or a tag was seen to hold it; null before that. */
  readonly shippedAt: number | null;
  readonly losses: readonly LossRecord[];
  /** Retained fraction that the losses and gains lead to. */
  readonly level: number;
  readonly censored: CensorReason | null;
}

export type SurvivalState = ReadonlyMap<string, SnippetSurvival>;

/** The state that a log leads to: the same records give the same state. Records of unknown snippets are passed over. */
export const replayRecords = (records: Iterable<SurvivalRecord>): Map<string, SnippetSurvival> => {
  const state = new Map<string, SnippetSurvival>();
  for (const record of records) applyRecord(state, record);
  return state;
};

/** Takes one record into a state, in place. */
export const applyRecord = (state: Map<string, SnippetSurvival>, record: SurvivalRecord): void => {
  if (record.kind === "save" || record.kind === "head") return;
  if (record.kind === "places") {
    for (const [known, snap] of movedSnippets(state.values(), record)) state.set(known.sid, reduce(known, snap));
    return;
  }
  const known = state.get(record.sid);
  if (record.kind === "accept") {
    state.set(record.sid, known === undefined ? newSnippet(record) : reaccepted(known, record));
    return;
  }
  if (known !== undefined) state.set(record.sid, reduce(known, record));
};

const reduce = (
  known: SnippetSurvival,
  record: Exclude<SurvivalRecord, { kind: "accept" | "save" | "head" | "places" }>,
): SnippetSurvival => {
  switch (record.kind) {
    case "rename":
      return { ...known, file: record.file };
    case "snap": {
      const { state, tok, aliveRle, where, conf, commit, at } = record;
      const isIn = (...places: readonly PlaceSeen["place"][]): boolean =>
        where.some((seen) => places.includes(seen.place) && seen.tok >= GONE_BELOW);
      return {
        ...known,
        state,
        tok,
        aliveRle,
        where,
        conf,
        commit,
        seenAt: at,
        committedAt: known.committedAt ?? (isIn("head", "branch", "default", "tag") ? at : null),
        shippedAt: known.shippedAt ?? (isIn("default", "tag") ? at : null),
        censored: state.kind === "unknown" ? state.reason : null,
      };
    }
    case "loss":
      return { ...known, losses: [...known.losses, record], level: record.left };
    case "gain":
      return { ...known, level: record.left };
    case "censor":
      return { ...known, censored: record.reason };
    default:
      return known;
  }
};

/** The record that says how a snippet stands. */
export const snapOf = ({ sid, seenAt, commit, state, tok, aliveRle, where, conf }: SnippetSurvival): SnapRecord => ({
  v: SURVIVAL_RECORD_VERSION,
  at: seenAt,
  kind: "snap",
  sid,
  commit,
  state,
  tok,
  aliveRle,
  where,
  conf,
});

const newSnippet = ({ sid, at, file, text, line, before, head }: AcceptRecord): SnippetSurvival => ({
  sid,
  acceptedAt: at,
  file,
  text,
  syntax: syntaxOf(file),
  nTokens: countSignificantTokens(text, syntaxOf(file)),
  line,
  before,
  head,
  state: { kind: "new" },
  tok: 1,
  aliveRle: [],
  where: [],
  conf: 1,
  commit: null,
  seenAt: at,
  committedAt: null,
  shippedAt: null,
  losses: [],
  level: 1,
  censored: null,
});

const reaccepted = (known: SnippetSurvival, record: AcceptRecord): SnippetSurvival =>
  known.text === record.text && known.file === record.file
    ? known
    : { ...newSnippet(record), acceptedAt: known.acceptedAt, head: known.head };
