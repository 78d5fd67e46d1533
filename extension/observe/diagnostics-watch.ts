import { shiftRegion, type Region, type TextChange } from "../../core/lifecycle/region.ts";
import type { Clock } from "./clock.ts";

/** An error that a language service reports; its place in UTF-16 offsets. */
export interface ReportedError extends Region {
  readonly source: string;
  readonly code: string;
  /** Only compared, never told. */
  readonly message: string;
}

export interface DiagnosticsResult {
  readonly suggestionId: string;
  readonly afterMs: number;
  readonly introduced: number;
  readonly fixed: number;
  readonly left: number;
  /** Which checks said so, each once. */
  readonly checks: { source: string; code: string }[];
}

/** Errors that accepted code brought, and whether they are still there after two minutes. */
export interface DiagnosticsWatch {
  /** `before` are the errors of the document as they were last reported before the accept. */
  follow(suggestionId: string, document: string, region: Region, before: readonly ReportedError[]): void;
  /** On the typing path: costs the same whatever is watched. */
  changed(document: string, changes: readonly TextChange[]): void;
  /** A language service has reported, however late. */
  reported(document: string, errors: readonly ReportedError[]): void;
  /** Whether reports about a document are waited for. */
  watches(document: string): boolean;
  renamed(from: string, to: string): void;
  forget(suggestionId: string): void;
  [Symbol.dispose](): void;
}

/** Errors that stay this long after the accept were not just in passing. */
export const ERRORS_LEFT_MS = 120_000;
/** An error of before the accept is the same one when it stood this near, UTF-16 units. */
const SAME_PLACE_CHARS = 200;
/** Different errors that are remembered of one accept. */
const MAX_ERRORS = 64;
const MAX_CHECKS = 16;
/** Accepts that are watched at once: more than a person makes in two minutes. */
const MAX_WATCHED = 64;
/** Edits that wait to be gone through; more are gone through at once, in less than a millisecond. */
const MAX_WAITING = 64;

interface Watched {
  readonly suggestionId: string;
  document: string;
  readonly acceptedAt: number;
  region: Region;
  /** Parts of the region that the developer has written since: errors there are their own. */
  edited: readonly Region[];
  /** Errors that were there before, by what they say, with the place nearest to the accept. */
  readonly before: readonly ReportedError[];
  readonly introduced: Map<string, ReportedError>;
}

export function watchDiagnostics(
  afterMs: number,
  /** The errors of a document now, or null when it is not open. */
  errorsOf: (document: string) => readonly ReportedError[] | null,
  clock: Clock,
  onResult: (result: DiagnosticsResult) => void,
): DiagnosticsWatch {
  let watched: readonly Watched[] = [];
  let cancel: (() => void) | null = null;
  /** Edits that no region was moved by yet: that waits until somebody asks. */
  let waiting: { readonly document: string; readonly changes: readonly TextChange[] }[] = [];

  const plan = () => {
    cancel?.();
    const [oldest] = watched;
    cancel = oldest ? clock.after(Math.max(0, oldest.acceptedAt + afterMs - clock.now()) + 1, tick) : null;
  };
  const settle = () => {
    const edits = waiting;
    waiting = [];
    for (const { document, changes } of edits) {
      const descending = changes.length > 1 ? [...changes].sort((a, b) => b.offset - a.offset) : changes;
      for (const one of watched) if (one.document === document) for (const change of descending) moveOn(one, change);
    }
  };
  const tick = () => {
    settle();
    const now = clock.now();
    const due = watched.filter(({ acceptedAt }) => acceptedAt + afterMs <= now);
    watched = watched.filter((one) => !due.includes(one));
    for (const one of due) conclude(one, now);
    plan();
  };
  const conclude = (one: Watched, now: number) => {
    const errors = errorsOf(one.document);
    // Closed: nobody knows whether they are still there.
    if (errors === null) return;
    see(one, errors);
    const introduced = [...one.introduced.entries()];
    if (introduced.length === 0) return;
    const there = new Set(errors.filter((error) => overlaps(error, one.region)).map(keyOf));
    const left = introduced.filter(([key]) => there.has(key)).length;
    onResult({
      suggestionId: one.suggestionId,
      afterMs: now - one.acceptedAt,
      introduced: introduced.length,
      fixed: introduced.length - left,
      left,
      checks: distinctChecks(introduced.map(([, error]) => error)),
    });
  };
  const see = (one: Watched, errors: readonly ReportedError[]) => {
    for (const error of errors) {
      const key = keyOf(error);
      if (one.introduced.has(key) || one.introduced.size >= MAX_ERRORS) continue;
      if (!overlaps(error, one.region) || one.edited.some((part) => overlaps(error, part))) continue;
      if (!one.before.some((old) => keyOf(old) === key)) one.introduced.set(key, error);
    }
  };

  return {
    follow(suggestionId, document, region, before) {
      settle();
      const near = before.filter(
        ({ start, end }) => end >= region.start - SAME_PLACE_CHARS && start <= region.end + SAME_PLACE_CHARS,
      );
      const others = watched.filter((one) => one.suggestionId !== suggestionId);
      // A longer part of the same suggestion: what its first part brought was not there before.
      const known = watched.find((one) => one.suggestionId === suggestionId);
      const introduced = known?.introduced ?? new Map<string, ReportedError>();
      const one = { suggestionId, document, acceptedAt: clock.now(), region, edited: known?.edited ?? [] };
      watched = [...others, { ...one, before: known?.before ?? near, introduced }].slice(-MAX_WATCHED);
      plan();
    },
    changed(document, changes) {
      if (watched.length === 0) return;
      waiting.push({ document, changes });
      if (waiting.length >= MAX_WAITING) settle();
    },
    reported(document, errors) {
      settle();
      for (const one of watched) if (one.document === document) see(one, errors);
    },
    watches: (document) => watched.some((one) => one.document === document),
    renamed(from, to) {
      settle();
      for (const one of watched)
        if (one.document === from || one.document.startsWith(`${from}/`))
          one.document = to + one.document.slice(from.length);
    },
    forget(suggestionId) {
      watched = watched.filter((one) => one.suggestionId !== suggestionId);
      plan();
    },
    [Symbol.dispose]() {
      cancel?.();
      watched = [];
      waiting = [];
    },
  };
}

/** Moves an accept and what the developer has written in it; keys that make a line are one part. */
function moveOn(one: Watched, change: TextChange): void {
  const { start, end } = one.region;
  const isInside = change.offset < end && change.offset + change.deleted > start;
  const isInserted = change.deleted === 0 && change.offset > start && change.offset < end;
  one.region = shiftRegion(one.region, change, "keep");
  if (one.edited.length > 0) one.edited = one.edited.map((part) => shiftRegion(part, change, "grow"));
  if (!isInside && !isInserted) return;
  const written = { start: change.offset, end: change.offset + change.text.length };
  if (!one.edited.some((part) => part.start <= written.start && part.end >= written.end))
    one.edited = [...one.edited, written];
}

/** The wait of a test host: `KEPT_DIAGNOSTICS_MS=1500`. */
export function diagnosticsWait(env: NodeJS.ProcessEnv): number {
  const given = Number(env["KEPT_DIAGNOSTICS_MS"]);
  return Number.isFinite(given) && given > 0 ? given : ERRORS_LEFT_MS;
}

const keyOf = ({ source, code, message }: ReportedError): string => JSON.stringify([source, code, message]);

/** An error of no length stands at its offset. */
const overlaps = (error: Region, region: Region): boolean =>
  error.start < region.end && Math.max(error.end, error.start + 1) > region.start;

function distinctChecks(errors: readonly ReportedError[]): { source: string; code: string }[] {
  const checks = new Map<string, { source: string; code: string }>();
  for (const { source, code } of errors) checks.set(`${source} ${code}`, { source, code });
  return [...checks.values()].slice(0, MAX_CHECKS);
}
