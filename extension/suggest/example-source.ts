import { examplePage, type ExampleRow } from "../../protocol/api.ts";
import type { InContextExample } from "../../protocol/events.ts";
import type { ServerConnection } from "../sync/server-discovery.ts";
import { ask } from "../sync/server-request.ts";
import type { ExampleMemory } from "./example-memory.ts";

/** The examples that the server last pushed: the engine looks them up, this remembers where they came from. */
export interface ExampleSource {
  readonly revision: number;
  readonly size: number;
  /** The examples with these ids, in this order; one that was forgotten meanwhile is left out. */
  named(ids: readonly string[]): readonly InContextExample[];
  /** Begin with what the server gave last, unless it was asked already. */
  restore(roots: readonly string[]): Promise<void>;
  /** Take examples out of the engine's index at once; the server's next revision has none of them either. */
  forget(isForgotten: (example: ExampleRow) => boolean): Promise<void>;
  /** Bring the engine's index to the server's revision. */
  refresh(connection: ServerConnection, roots: readonly string[], signal: AbortSignal): Promise<void>;
}

/** `use` gives the engine all examples, the newest last. */
export function createExampleSource(
  use: (examples: readonly ExampleRow[]) => Promise<void>,
  memory: ExampleMemory,
): ExampleSource {
  let examples: ReadonlyMap<string, InContextExample> = new Map();
  let held: readonly ExampleRow[] = [];
  let revision = -1;
  return {
    get revision() {
      return revision;
    },
    get size() {
      return examples.size;
    },
    named: (ids) => ids.map((id) => examples.get(id)).filter((example) => example !== undefined),
    async restore(roots) {
      const rows = await memory.load(roots);
      if (revision !== -1 || rows.length === 0) return;
      await use(rows);
      held = rows;
      examples = new Map(rows.map((row) => [row.id, provenance(row)]));
    },
    async forget(isForgotten) {
      await memory.forget(isForgotten);
      const rows = held.filter((row) => !isForgotten(row));
      if (rows.length === held.length) return;
      held = rows;
      examples = new Map(rows.map((row) => [row.id, provenance(row)]));
      await use(rows);
    },
    async refresh(connection, roots, signal) {
      const rows: ExampleRow[] = [];
      let newest = -1;
      for (const root of roots) {
        const answer = await ask(
          connection,
          examplePage,
          "GET",
          `/v1/examples?root=${encodeURIComponent(root)}`,
          null,
          signal,
        );
        if (!answer.ok) return;
        rows.push(...answer.value.examples);
        newest = Math.max(newest, answer.value.revision);
      }
      // The server lists the newest first, and the index counts the last added as the newest.
      rows.reverse();
      await use(rows);
      held = rows;
      examples = new Map(rows.map((row) => [row.id, provenance(row)]));
      revision = newest;
      await memory.save(roots, rows);
    },
  };
}

/** What an event says of an example: without the folder and language that only the look-up needs. */
function provenance({ id, path, text, commit, suggestionId }: ExampleRow): InContextExample {
  return {
    id,
    path,
    text,
    ...(commit === undefined ? {} : { commit }),
    ...(suggestionId === undefined ? {} : { suggestionId }),
  };
}
