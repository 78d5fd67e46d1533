import type { KeptEvent } from "../../protocol/events.ts";
import type { SuggestionRow } from "../../protocol/api.ts";
import * as z from "zod";

const fraction = z.number().min(0).max(1);

/** What became of a suggestion, as its row says it. `open`: shown, and nothing was decided yet. */
export const journalOutcome = z.enum([
  "open",
  "superseded",
  "ignored",
  "typed-over",
  "rejected",
  "typed-through",
  "partially-accepted",
  "accepted",
  "undone",
]);
export type JournalOutcome = z.infer<typeof journalOutcome>;

export const rating = z.object({
  verdict: z.enum(["up", "down"]),
  reason: z.enum(["wrong", "insecure", "style", "outdated-api", "too-long", "other"]).nullable(),
  comment: z.string().nullable(),
});
export type Rating = z.infer<typeof rating>;

/** One suggestion of the journal: what its row shows. Written to disk as it is. */
export const journalEntry = z.object({
  id: z.string(),
  /** Wall clock, milliseconds since 1970. */
  shownAtMs: z.number(),
  root: z.string(),
  /** Relative to `root`, with forward slashes. */
  path: z.string(),
  /** Zero-based line where it was shown, or where its code stood when it was last looked at. */
  line: z.int().nonnegative(),
  /** Only outcomes were recorded: root, path and commit are keyed hashes, and there is no code. */
  isHidden: z.boolean(),
  /** First line of its code, or null where none was recorded. */
  preview: z.string().nullable(),
  model: z.object({ base: z.string(), adapter: z.string().nullable() }),
  outcome: journalOutcome,
  /** Part of the text that was taken: 1 for an accept. */
  fraction,
  rating: rating.nullable(),
  /** Last measured retention in the buffer; a censored look leaves the one before it. */
  retained: z.object({ afterMs: z.number(), tokens: fraction }).nullable(),
  /** Last state in git. */
  survived: z
    .object({
      place: z.enum(["head", "elsewhere", "nowhere", "unknown"]),
      tokens: fraction.nullable(),
      commit: z.string(),
      /** Branch that HEAD was on; null for none, and where only outcomes are recorded. */
      branch: z.string().nullable(),
    })
    .nullable(),
});
export type JournalEntry = z.infer<typeof journalEntry>;

/** Longest preview, UTF-16 units: a row shows less. */
const MAX_PREVIEW = 120;

/** The entry after one more event, or null when the event tells of a suggestion that was never seen. */
export function withEvent(entry: JournalEntry | null, event: KeptEvent): JournalEntry | null {
  if (event.kind === "shown") {
    const { root, path, line } = event.context;
    const begun = { id: event.suggestionId, shownAtMs: event.wallMs, root, path, line, model: event.model };
    return {
      ...(entry ?? EMPTY),
      ...begun,
      preview: previewOf(event.completion),
      isHidden: event.withheld !== undefined,
    };
  }
  if (!entry) return null;
  switch (event.kind) {
    case "accepted":
      return { ...entry, outcome: "accepted", fraction: 1 };
    case "partially-accepted":
      return entry.outcome === "accepted" ? entry : { ...entry, outcome: event.kind, fraction: event.fraction };
    case "typed-through":
      return isTaken(entry) ? entry : { ...entry, outcome: event.kind, fraction: event.fraction };
    case "rejected":
    case "typed-over":
    case "ignored":
    case "superseded":
      // What was taken in part stays taken: the rest of it went.
      return isTaken(entry) || entry.outcome === "typed-through" ? entry : { ...entry, outcome: event.kind };
    case "undone":
      return { ...entry, outcome: "undone" };
    case "redone":
      return { ...entry, outcome: entry.fraction < 1 ? "partially-accepted" : "accepted" };
    case "rated":
      return { ...entry, rating: ratingOf(event) };
    case "retained":
      return event.tokens === null ? entry : { ...entry, retained: { afterMs: event.afterMs, tokens: event.tokens } };
    case "survived": {
      const { place, tokens, commit } = event;
      const head = entry.isHidden ? undefined : event.places?.find((one) => one.place === "head");
      // A HEAD on no branch is named like itself.
      const branch = head === undefined || head.ref === "" || head.ref === "HEAD" ? null : head.ref;
      return { ...entry, survived: { place, tokens, commit, branch } };
    }
    default:
      // The other kinds say nothing that a row shows.
      return entry;
  }
}

/**
 * The entry with what the server knows beyond it: ratings and survival that were told elsewhere, after
 * this window went. What this editor saw itself stays.
 */
export function withServerRow(entry: JournalEntry, row: SuggestionRow): JournalEntry {
  const verdict = row.rating;
  const known = entry.rating?.verdict === verdict ? entry.rating : null;
  const survived =
    row.survived === null || entry.survived?.tokens === row.survived
      ? entry.survived
      : {
          place: row.survived > 0 ? ("head" as const) : ("nowhere" as const),
          tokens: row.survived,
          commit: "",
          branch: null,
        };
  return {
    ...entry,
    rating: known ?? (verdict === null ? entry.rating : { verdict, reason: null, comment: null }),
    retained: entry.retained ?? (row.retained === null ? null : { afterMs: 0, tokens: row.retained }),
    survived,
  };
}

/** A folder of this workspace as a suggestion names it: by its path, or by its keyed hash. */
export type OwnFolder = Pick<JournalEntry, "root" | "isHidden">;

/** A suggestion of another session, as far as the server tells of it. */
export function entryOfRow(row: SuggestionRow, folder: OwnFolder): JournalEntry {
  const known = journalOutcome.safeParse(row.outcome);
  const begun: JournalEntry = {
    ...EMPTY,
    id: row.id,
    shownAtMs: Date.parse(row.shownAt) || 0,
    ...folder,
    path: row.path,
    line: row.line,
    preview: previewOf(row.completion),
    model: row.model,
    outcome: known.success ? known.data : "open",
    fraction: row.outcome === "accepted" ? 1 : 0,
  };
  return withServerRow(begun, row);
}

/** Its code, or a part of it, went into the document. */
export const isTaken = ({ outcome }: JournalEntry): boolean =>
  outcome === "accepted" || outcome === "partially-accepted" || outcome === "undone";

const EMPTY: JournalEntry = {
  id: "",
  shownAtMs: 0,
  root: "",
  path: "",
  line: 0,
  isHidden: false,
  preview: null,
  model: { base: "", adapter: null },
  outcome: "open",
  fraction: 0,
  rating: null,
  retained: null,
  survived: null,
};

function ratingOf(event: Extract<KeptEvent, { kind: "rated" }>): Rating | null {
  if (event.verdict === "withdrawn") return null;
  return { verdict: event.verdict, reason: event.reason ?? null, comment: event.comment ?? null };
}

/** The first line that says something, or null for a text that was not recorded. */
function previewOf(completion: string): string | null {
  const line = completion
    .split("\n")
    .map((text) => text.trim())
    .find((text) => text !== "");
  return line === undefined ? null : line.slice(0, MAX_PREVIEW);
}
