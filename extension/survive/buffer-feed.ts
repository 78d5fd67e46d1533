import type { CaptureLevel } from "../../core/capture-level.ts";
import type { Region, TextChange } from "../../core/lifecycle/region.ts";
import { replaceFindings } from "../../core/redaction/findings.ts";
import { widenedText } from "../../core/survival/followed-snippet.ts";
import { systemClock, type Clock } from "../observe/clock.ts";
import { diagnosticsWait, watchDiagnostics } from "../observe/diagnostics-watch.ts";
import type { EventRecorder } from "../observe/event-recorder.ts";
import {
  retentionSchedule,
  watchRetention,
  type RetentionCheck,
  type RetentionWatch,
} from "../observe/retention-watch.ts";
import { createSecretScan } from "../observe/secret-scan.ts";
import { watchTypedInstead, type RefusedSuggestion } from "../observe/typed-instead-watch.ts";
import { aroundRegion, editorErrors, editorTexts, editorView, watchEditorDocuments } from "./editor-documents.ts";
import { adoptPendingChecks, openPendingChecks, type StoredCheck } from "./pending-checks.ts";
import { resumeChecks } from "./resumed-checks.ts";
import type { SuggestionPlace } from "./tracker-feed.ts";

/** What becomes of suggestions in the buffer: followed, looked at, and told as events. */
export interface BufferFeed {
  readonly retention: RetentionWatch;
  accepted(code: AcceptedInEditor): void;
  refused(suggestion: RefusedSuggestion): void;
  /** On the typing path. */
  changed(document: string, changes: readonly TextChange[], reason: "edit" | "undo" | "redo"): void;
  cursor(document: string, offset: number): void;
  /**
   * Nothing more is told of suggestions, and nothing of them is kept for the next window; resolves when the
   * disk has it. Those of earlier windows are known by their places alone.
   */
  forget(ids: ReadonlySet<string>, isForgotten: (place: SuggestionPlace) => boolean): Promise<void>;
  /** What may be recorded is another: what waits on disk is written anew. */
  consentChanged(): void;
  /** Leaves the checks that are still to come to the next window. */
  close(): Promise<void>;
}

export interface AcceptedInEditor {
  readonly suggestionId: string;
  readonly document: string;
  readonly region: Region;
  readonly text: string;
  readonly root: string;
  /** Relative to `root`. */
  readonly path: string;
}

export interface BufferFeedOptions {
  /** Folder of the files in which checks wait for the next window. */
  readonly dir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly recorder: EventRecorder;
  levelOf(root: string): CaptureLevel;
  /** Folders of this window: it takes over what earlier windows on them have left. */
  roots(): readonly string[];
  log(message: string): void;
  readonly clock?: Clock;
}

export function openBufferFeed({ dir, env, recorder, levelOf, roots, log, ...options }: BufferFeedOptions): BufferFeed {
  const clock = options.clock ?? systemClock;
  const schedule = retentionSchedule(env);
  const scan = createSecretScan(log);
  /** Where accepts of this window stood, and the monotonic time's offset to the wall clock. */
  const places = new Map<string, { root: string; path: string }>();
  const wallOffset = clock.wall() - clock.now();

  const tell = ({ suggestionId, ...fields }: RetentionCheck) =>
    recorder.record("retained", suggestionId, fields, resumed.placeOf(suggestionId) ?? places.get(suggestionId));
  const resumed = resumeChecks(schedule, editorTexts, clock, { onCheck: tell, onPending: () => pending.save() });
  const retention = watchRetention(schedule, editorTexts, clock, {
    onCheck: tell,
    onFact({ suggestionId, ...fact }, afterMs) {
      const place = places.get(suggestionId);
      if (fact.kind === "gain") {
        const { fraction, retained } = fact;
        recorder.record("gain", suggestionId, { afterMs, fraction, retained }, place);
      } else {
        const { fraction, retained, cause, evidence } = fact;
        recorder.record("loss", suggestionId, { afterMs, fraction, retained, cause, evidence }, place);
      }
    },
    onPending: () => pending.save(),
  });
  const typedInstead = watchTypedInstead(editorView, clock, (id, settled) => {
    if (settled.kind === "typed-through") recorder.record("typed-through", id, { fraction: 1 });
    else recorder.record("typed-instead", id, { text: settled.text });
  });
  const diagnostics = watchDiagnostics(diagnosticsWait(env), editorErrors, clock, ({ suggestionId, ...fields }) =>
    recorder.record("diagnostics", suggestionId, fields, places.get(suggestionId)),
  );
  /** Texts without secrets, by the text: the same accept is written again with each of its checks. */
  const cleaned = new Map<string, string>();
  const clean = async (text: string): Promise<string> => {
    const known = cleaned.get(text) ?? replaceFindings(text, await scan(text));
    cleaned.set(text, known);
    return known;
  };

  const stored = async (): Promise<readonly StoredCheck[]> => {
    const checks: StoredCheck[] = [];
    for (const { code, document, nextIdx } of retention.pending()) {
      const place = places.get(code.suggestionId);
      // Without its code nothing can be looked at later, and its place is a name that may not be written.
      if (!place || levelOf(place.root) !== "code") continue;
      const text = widenedText(code);
      checks.push({
        suggestionId: code.suggestionId,
        document,
        ...place,
        acceptedWallMs: code.acceptedAt + wallOffset,
        nextIdx,
        text: await clean(text),
      });
    }
    const kept = new Set(checks.map(({ text }) => text));
    for (const [text, redacted] of cleaned) if (!kept.has(redacted)) cleaned.delete(text);
    return [...resumed.pending().filter(({ root }) => levelOf(root) === "code"), ...checks];
  };
  const pending = openPendingChecks(dir, recorder.sessionId, stored, log);
  const adopting = adoptPendingChecks(dir, (root) => roots().includes(root), clock.wall())
    .then((checks) => resumed.resume(checks))
    .catch((error: Error) => log(`Checks of an earlier window cannot be read: ${error.message}`));

  const documents = watchEditorDocuments({
    opened: (document) => retention.opened(document),
    closed: (document, text) => retention.closed(document, text),
    renamed(from, to) {
      for (const watch of [retention, resumed, diagnostics]) watch.renamed(from, to);
    },
    deleted: (document) => retention.deleted(document),
    touched: (document) => retention.touched(document),
    diagnostics(document) {
      if (!diagnostics.watches(document)) return;
      const found = editorErrors(document);
      if (found) diagnostics.reported(document, found);
    },
  });

  return {
    retention,
    accepted({ root, path, ...code }) {
      places.set(code.suggestionId, { root, path });
      typedInstead.accepted(code.document, code.region);
      const around = aroundRegion(code.document, code.region);
      retention.follow({ ...code, ...around, acceptedAt: clock.now() });
      diagnostics.follow(code.suggestionId, code.document, code.region, editorErrors(code.document) ?? []);
    },
    refused: (suggestion) => typedInstead.follow(suggestion),
    changed(document, changes, reason) {
      retention.changed(document, changes, reason === "undo" ? "undo" : "edit");
      typedInstead.changed(document, changes);
      diagnostics.changed(document, changes);
    },
    cursor: (document, offset) => typedInstead.cursor(document, offset),
    async forget(ids, isForgotten) {
      // What an earlier window left may just be on its way in.
      await adopting;
      const isGone = (id: string, place: { root: string; path: string }) =>
        ids.has(id) || isForgotten({ id, root: place.root, path: place.path });
      const here = [...places].filter(([id, place]) => isGone(id, place)).map(([id]) => id);
      const earlier = resumed.pending().filter((check) => isGone(check.suggestionId, check));
      for (const id of new Set([...ids, ...here, ...earlier.map(({ suggestionId }) => suggestionId)])) {
        places.delete(id);
        for (const watch of [retention, resumed, typedInstead, diagnostics]) watch.forget(id);
      }
      await pending.forget((check) => isGone(check.suggestionId, check));
    },
    consentChanged: () => pending.save(),
    async close() {
      documents.dispose();
      typedInstead[Symbol.dispose]();
      diagnostics[Symbol.dispose]();
      await adopting;
      await pending.close();
      retention[Symbol.dispose]();
      resumed[Symbol.dispose]();
    },
  };
}
