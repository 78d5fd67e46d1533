import type { ForgetScope } from "../../protocol/api.ts";
import { keptEvent, type KeptEvent } from "../../protocol/events.ts";
import { canonicalJson } from "./event-store.ts";
import type { Db } from "./database.ts";
import { createHash } from "node:crypto";

/** Where a suggestion stood. */
export interface Place {
  readonly root: string;
  readonly path: string;
}

/** What deletes events and what is derived from them. Every method belongs into one transaction. */
export interface Erasure {
  /** Suggestions that a scope names, as far as anything is stored of them. */
  suggestionsIn(scope: ForgetScope): string[];
  /** Events that a span of time holds, of suggestions made outside of it. */
  eventsIn(scope: ForgetScope): { id: string; suggestionId: string }[];
  /** Texts of a suggestion that others may have copies of, and where it stood. */
  textsOf(suggestionId: string): { texts: string[]; place: Place | null; sequence: number };
  /** Deletes the suggestions with their events, labels and examples; the number of events. */
  deleteSuggestions(suggestionIds: readonly string[]): number;
  deleteEvents(eventIds: readonly string[]): number;
  /** Events after a sequence that may hold text of these places, or excerpts of any. */
  eventsAfter(sequence: number, places: readonly Place[]): Stored[];
  /** Puts an event in the place of another one with the same id and sequence. */
  replaceEvent(sequence: number, event: KeptEvent): void;
  /** Takes folders out of what is kept of datasets and runs; all of them, also the names of what was imported. */
  forgetFolders(roots: readonly string[] | "all"): void;
  forgetManifest(datasetId: string): void;
}

/** From the events themselves: what is derived from them may be a moment behind. */
const SHOWN = "SELECT DISTINCT suggestion_id FROM events WHERE kind = 'shown'";
const ROOT = "json_extract(body, '$.context.root')";

/** Bound parameters of one statement. */
const IDS_PER_STATEMENT = 500;

export function openErasure(db: Db): Erasure {
  const ids = (sql: string, ...bound: unknown[]) =>
    db
      .prepare(sql)
      .pluck()
      .all(...bound) as string[];
  const bodies = db.prepare("SELECT body FROM events WHERE suggestion_id = ?").pluck();
  const first = db.prepare("SELECT coalesce(min(sequence), 0) FROM events WHERE suggestion_id = ?").pluck();
  const atPlace = db.prepare(`
    SELECT e.sequence, e.body, s.root, s.path FROM suggestions s JOIN events e ON e.suggestion_id = s.id
    WHERE s.root = ? AND s.path = ? AND e.sequence > ? AND e.kind IN ('shown', 'typed-instead', 'rated')`);
  // As canonical JSON begins a list that is not empty.
  const withExcerpts = db.prepare(`
    SELECT e.sequence, e.body, NULL AS root, NULL AS path FROM events e
    WHERE e.sequence > ? AND e.kind = 'shown' AND instr(e.body, '"examples":[{') > 0`);

  return {
    suggestionsIn(scope) {
      switch (scope.kind) {
        case "suggestions":
          return [...scope.ids];
        case "files":
          return scope.files.flatMap(({ root, path }) =>
            ids(`${SHOWN} AND ${ROOT} = ? AND json_extract(body, '$.context.path') = ?`, root, path),
          );
        case "folders":
          return scope.roots.flatMap((root) => ids(`${SHOWN} AND ${ROOT} = ?`, root));
        case "time":
          return ids(`${SHOWN} AND json_extract(body, '$.wallMs') BETWEEN ? AND ?`, scope.fromMs, scope.toMs);
        case "everything":
          return ids("SELECT DISTINCT suggestion_id FROM events");
      }
    },
    eventsIn(scope) {
      if (scope.kind !== "time") return [];
      return db
        .prepare(
          `SELECT id, suggestion_id AS suggestionId FROM events WHERE json_extract(body, '$.wallMs') BETWEEN ? AND ?`,
        )
        .all(scope.fromMs, scope.toMs) as { id: string; suggestionId: string }[];
    },
    textsOf(suggestionId) {
      const events = (bodies.all(suggestionId) as string[]).map((body) => keptEvent.parse(JSON.parse(body)));
      const shown = events.find((event) => event.kind === "shown");
      return {
        texts: events.flatMap((event) => {
          if (event.kind === "shown") return [event.completion];
          return event.kind === "typed-instead" ? [event.text] : [];
        }),
        place: shown?.kind === "shown" ? { root: shown.context.root, path: shown.context.path } : null,
        sequence: first.get(suggestionId) as number,
      };
    },
    deleteSuggestions: (suggestionIds) =>
      inParts(suggestionIds, (marks, part) => {
        const mine = `SELECT id FROM events WHERE suggestion_id IN (${marks})`;
        db.prepare(`DELETE FROM event_conflicts WHERE event_id IN (${mine})`).run(...part);
        db.prepare(`DELETE FROM imported_events WHERE event_id IN (${mine})`).run(...part);
        const { changes } = db.prepare(`DELETE FROM events WHERE suggestion_id IN (${marks})`).run(...part);
        const examples = db.prepare(`DELETE FROM examples WHERE suggestion_id IN (${marks})`).run(...part).changes;
        // What editors hold of the index is out of date.
        if (examples > 0) db.prepare("UPDATE examples_revision SET revision = revision + 1").run();
        db.prepare(`DELETE FROM suggestions WHERE id IN (${marks})`).run(...part);
        db.prepare(`DELETE FROM imported_suggestions WHERE suggestion_id IN (${marks})`).run(...part);
        return changes;
      }),
    deleteEvents: (eventIds) =>
      inParts(eventIds, (marks, part) => {
        db.prepare(`DELETE FROM event_conflicts WHERE event_id IN (${marks})`).run(...part);
        db.prepare(`DELETE FROM imported_events WHERE event_id IN (${marks})`).run(...part);
        return db.prepare(`DELETE FROM events WHERE id IN (${marks})`).run(...part).changes;
      }),
    eventsAfter(sequence, places) {
      const here = places.flatMap(({ root, path }) => atPlace.all(root, path, sequence) as StoredBody[]);
      const found = [...here, ...(withExcerpts.all(sequence) as StoredBody[])];
      return found.map((row) => ({
        sequence: row.sequence,
        event: keptEvent.parse(JSON.parse(row.body)),
        place: row.root === null || row.path === null ? null : { root: row.root, path: row.path },
      }));
    },
    replaceEvent(sequence, event) {
      const body = canonicalJson(event);
      const { received_at: receivedAt } = db
        .prepare("SELECT received_at FROM events WHERE sequence = ?")
        .get(sequence) as {
        received_at: number;
      };
      db.prepare("DELETE FROM event_conflicts WHERE event_id = ?").run(event.id);
      // Events never change, and that holds for all but this: what a person wants forgotten goes.
      db.prepare("DELETE FROM events WHERE sequence = ?").run(sequence);
      db.prepare(`
        INSERT INTO events (sequence, id, suggestion_id, session_id, kind, body, body_sha256, received_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)`).run(
        sequence,
        event.id,
        event.suggestionId,
        event.sessionId,
        event.kind,
        body,
        createHash("sha256").update(body).digest("hex"),
        receivedAt,
      );
    },
    forgetFolders(roots) {
      // Their names are those of files and repositories; what they brought is gone by now.
      if (roots === "all")
        db.exec("DELETE FROM imported_suggestions; DELETE FROM imported_events; DELETE FROM imports");
      const runs = db.prepare("SELECT id, request FROM runs").all() as { id: string; request: string }[];
      for (const { id, request } of runs) {
        const parsed = JSON.parse(request) as { workspaces?: string[] };
        const workspaces = (parsed.workspaces ?? []).filter((root) => roots !== "all" && !roots.includes(root));
        if (workspaces.length === (parsed.workspaces ?? []).length) continue;
        db.prepare("UPDATE runs SET request = ? WHERE id = ?").run(JSON.stringify({ ...parsed, workspaces }), id);
      }
    },
    forgetManifest: (datasetId) =>
      void db.prepare("UPDATE datasets SET manifest = ? WHERE id = ?").run('{"forgotten":true}', datasetId),
  };
}

export interface Stored {
  readonly sequence: number;
  readonly event: KeptEvent;
  readonly place: Place | null;
}

interface StoredBody {
  sequence: number;
  body: string;
  root: string | null;
  path: string | null;
}

function inParts(values: readonly string[], work: (marks: string, part: readonly string[]) => number): number {
  let total = 0;
  for (let at = 0; at < values.length; at += IDS_PER_STATEMENT) {
    const part = values.slice(at, at + IDS_PER_STATEMENT);
    total += work(part.map(() => "?").join(", "), part);
  }
  return total;
}
