import * as z from "zod";
import { codeVerdict } from "./signals.ts";

/**
 * Events: what the editor saw happen to a suggestion. Append-only facts; every derived table of the
 * server can be rebuilt from them. One `suggestionId` names the whole chain of a suggestion: an item
 * that the developer types or accepts part of stays the same suggestion.
 */
export const EVENT_SCHEMA_VERSION = 1;

const fraction = z.number().min(0).max(1);

/**
 * Why accepted code could not be looked at: its time passed while nobody looked (`missed`) or while no window was
 * open (`window-closed`), its document is closed and not on disk (`closed`), its file is not where it was
 * (`file-missing`) or cannot be read (`unreadable`), too much has changed at once (`unknown`), the text of the
 * accept was not kept (`not-stored`).
 */
export const censorReason = z.enum([
  "missed",
  "window-closed",
  "closed",
  "file-missing",
  "unreadable",
  "unknown",
  "not-stored",
]);
export type CensorReason = z.infer<typeof censorReason>;

/** An excerpt that was put before the prompt, and where it came from. */
export const inContextExample = z.object({
  id: z.string().max(64),
  path: z.string().max(1024),
  text: z.string().max(8_192),
  /** Commit that the excerpt was written in, when it came from git history. */
  commit: z.string().max(64).optional(),
  /** Suggestion whose good label made the excerpt, when it came from feedback. */
  suggestionId: z.string().max(64).optional(),
});
export type InContextExample = z.infer<typeof inContextExample>;

/** What produced a suggestion: enough to answer "why". */
export const modelVersion = z.object({
  /** sha256 of the base model's weights. */
  base: z.string().max(64),
  /** Registry version of the adapter, or null for the base model alone. */
  adapter: z.string().max(64).nullable(),
  /** While a canary runs: the probability with which this version was drawn for the suggestion. */
  drawn: z.number().gt(0).lt(1).optional(),
});
export type ModelVersion = z.infer<typeof modelVersion>;

export const suggestionContext = z.object({
  /** Absolute path of the workspace folder. */
  root: z.string().max(4_096),
  /** Path of the file relative to `root`, with forward slashes. */
  path: z.string().max(4_096),
  language: z.string().max(64),
  /** Zero-based line and UTF-16 column of the cursor. */
  line: z.int().nonnegative(),
  column: z.int().nonnegative(),
  /** Text before and after the cursor as the model saw it, secrets redacted. */
  prefix: z.string().max(16_384),
  suffix: z.string().max(8_192),
  examples: z.array(inContextExample).max(16),
});
export type SuggestionContext = z.infer<typeof suggestionContext>;

/** Sizes that stand for the texts of a suggestion that was recorded without them. */
export const withheldText = z.object({
  /** Significant tokens, UTF-16 characters and lines of the completion. */
  tokens: z.int().nonnegative(),
  characters: z.int().nonnegative(),
  lines: z.int().nonnegative(),
  prefixCharacters: z.int().nonnegative(),
  suffixCharacters: z.int().nonnegative(),
  examples: z.int().nonnegative(),
});

/** Keyed hashes of the workspace folder and the file, by which an editor finds what it recorded there. */
export const eventOrigin = z.object({ folder: z.string().max(64), file: z.string().max(64) });
export type EventOrigin = z.infer<typeof eventOrigin>;

const envelope = {
  /** UUIDv7 made when the event happened: the idempotency key. */
  id: z.uuidv7(),
  v: z.literal(EVENT_SCHEMA_VERSION),
  suggestionId: z.uuidv7(),
  /** One editor window's life. */
  sessionId: z.uuidv7(),
  /** Counts events of the session from 0. */
  sequence: z.int().nonnegative(),
  /** Wall clock, milliseconds since 1970. For display; order comes from the server. */
  wallMs: z.number().nonnegative(),
  /** Monotonic clock of the session, milliseconds. */
  monotonicMs: z.number().nonnegative(),
  /** Absent from events that no editor made, such as replayed ones. */
  origin: eventOrigin.optional(),
};

const event = <K extends string, T extends z.ZodRawShape>(kind: K, fields: T) =>
  z.object({ ...envelope, kind: z.literal(kind), ...fields });

export const keptEvent = z.discriminatedUnion("kind", [
  event("shown", {
    context: suggestionContext,
    completion: z.string().max(8_192),
    model: modelVersion,
    latencyMs: z.number().nonnegative(),
    /** How sure the model was. With `shownOdds` the show filter would have held it back, and these were the odds. */
    confidence: z
      .object({
        meanLogProbability: z.number().max(0),
        tokens: z.int().nonnegative(),
        lowest: z.number().max(0),
        first: z.number().max(0),
        unlikely: z.int().nonnegative(),
        second: z.number().max(0).optional(),
        third: z.number().max(0).optional(),
        last: z.number().max(0).optional(),
        shownOdds: z.number().gt(0).lt(1).optional(),
      })
      .optional(),
    /** `editor`, `replay` when a real history stood in for the developer, `tool` for code of another tool. */
    source: z.enum(["editor", "replay", "tool"]),
    /** There when only outcomes may be recorded: the texts are empty, root and path are keyed hashes. */
    withheld: withheldText.optional(),
    /** With `tool`: who generated it, and with which model. */
    generator: z.object({ tool: z.string().max(64), model: z.string().max(250).nullable() }).optional(),
    /** Commit that holds the text, when the tool named one. */
    commit: z.string().max(64).optional(),
  }),
  /** The suggestion was visible long enough to be read (750 ms). */
  event("read", { visibleMs: z.number().nonnegative() }),
  event("accepted", { visibleMs: z.number().nonnegative() }),
  event("partially-accepted", {
    /** Characters of the completion accepted so far, and as a fraction of it. */
    characters: z.int().nonnegative(),
    /** Words and line breaks among those characters; sources that do not count them leave them out. */
    words: z.int().nonnegative().optional(),
    lines: z.int().nonnegative().optional(),
    fraction,
  }),
  event("typed-through", { fraction }),
  event("typed-over", { visibleMs: z.number().nonnegative() }),
  event("rejected", { visibleMs: z.number().nonnegative() }),
  event("ignored", { visibleMs: z.number().nonnegative() }),
  event("superseded", {}),
  event("undone", { afterMs: z.number().nonnegative() }),
  /** An accept that was undone is there again; milliseconds since the undo. */
  event("redone", { afterMs: z.number().nonnegative() }),
  /** What the developer wrote in the suggestion's place. */
  event("typed-instead", {
    text: z.string().max(8_192),
    /** Length of a text that was not recorded. */
    withheldCharacters: z.int().nonnegative().optional(),
  }),
  event("rated", {
    verdict: z.enum(["up", "down", "withdrawn"]),
    reason: z.enum(["wrong", "insecure", "style", "outdated-api", "too-long", "other"]).optional(),
    comment: z.string().max(2_000).optional(),
  }),
  /** Retained fraction of the accepted tokens in the buffer, a while after the accept. */
  event("retained", {
    afterMs: z.number().nonnegative(),
    /** Null when the observation was censored (document closed, window gone). */
    tokens: fraction.nullable(),
    strictTokens: fraction.nullable(),
    /** Groups of four significant tokens that are still there. */
    fourGrams: fraction.nullable().optional(),
    /** Accepted and retained characters: those that no later edit has touched. */
    arc: fraction.nullable().optional(),
    /** Why nothing could be observed. */
    censored: censorReason.optional(),
    /** Cause of the last loss before this look, while something is missing. */
    cause: z.string().max(32).optional(),
  }),
  /** Accepted tokens went away while they were followed in the buffer. */
  event("loss", {
    afterMs: z.number().nonnegative(),
    /** Part of the accepted tokens that went, and part that is there now. */
    fraction,
    retained: fraction,
    cause: z.string().max(32),
    /** What the cause was told from. */
    evidence: z.string().max(64).optional(),
  }),
  /** Accepted tokens that had gone came back: by redo, paste, or a file that was restored. */
  event("gain", { afterMs: z.number().nonnegative(), fraction, retained: fraction }),
  /** Errors that came up in the accepted code after the accept, and what became of them. */
  event("diagnostics", {
    /** When this was settled, after the accept. */
    afterMs: z.number().nonnegative(),
    /** Errors that the accepted code brought. */
    introduced: z.int().nonnegative(),
    /** Of these, gone before two minutes were over, and still there then. */
    fixed: z.int().nonnegative(),
    left: z.int().nonnegative(),
    /** Which checks said so: source and code, never a message. */
    checks: z.array(z.object({ source: z.string().max(64), code: z.string().max(128) })).max(16),
  }),
  /** What a test, an error, a measurement or a reviewer said of lines that hold accepted tokens. */
  event("code-signal", {
    verdict: codeVerdict,
    /** Of the test, the error's class, the benchmark or the reviewer: never a message. */
    name: z.string().max(256),
    /** Commit that the lines were named in. */
    commit: z.string().max(64),
    /** Part of the tokens on those lines that are this suggestion's. */
    share: fraction,
  }),
  /** Retained fraction of the accepted tokens in a commit of the repository. */
  event("survived", {
    commit: z.string().max(64),
    afterMs: z.number().nonnegative(),
    tokens: fraction.nullable(),
    place: z.enum(["head", "elsewhere", "nowhere", "unknown"]),
    cause: z.string().max(32).optional(),
    /** How far the rule that told the cause can be trusted. */
    causeConfidence: fraction.optional(),
    /** State over all places: alive(default), alive(head), alive(worktree), alive(buffer), dormant, dead, unknown. */
    state: z.string().max(32).optional(),
    /** Places that hold any of it, with the fraction that each holds. */
    places: z
      .array(z.object({ place: z.string().max(16), ref: z.string().max(256), tokens: fraction }))
      .max(64)
      .optional(),
    /** Retained fraction in the best place; null when not known. */
    retained: fraction.nullable().optional(),
    /** How sure the place is: anchored 1, found again 0.8, one of several like it 0.3. */
    confidence: fraction.optional(),
  }),
]);
export type KeptEvent = z.infer<typeof keptEvent>;
export type EventKind = KeptEvent["kind"];
/** The event of one kind. */
export type EventOf<K extends EventKind> = Extract<KeptEvent, { kind: K }>;
