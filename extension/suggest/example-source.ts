import { examplePage, type ExampleRow } from "../../protocol/api.ts";
import type { InContextExample } from "../../protocol/events.ts";
import { createExampleIndex, type ExampleQuery } from "../../engine/retrieve/example-index.ts";
import type { ServerConnection } from "../sync/server-discovery.ts";
import { ask } from "../sync/server-request.ts";

/** The examples that the server last pushed, kept here so that they work while it is away. */
export interface ExampleSource {
  readonly revision: number;
  readonly size: number;
  find(query: ExampleQuery, limit: number): readonly InContextExample[];
  /** Bring the index to the server's revision. */
  refresh(connection: ServerConnection, roots: readonly string[], signal: AbortSignal): Promise<void>;
  [Symbol.dispose](): void;
}

export function createExampleSource(): ExampleSource {
  let index = createExampleIndex();
  let revision = -1;
  return {
    get revision() {
      return revision;
    },
    get size() {
      return index.size;
    },
    find(query, limit) {
      return index.query(query, limit).map(({ id, path, text, commit, suggestionId }) => ({
        id,
        path,
        text,
        ...(commit === undefined ? {} : { commit }),
        ...(suggestionId === undefined ? {} : { suggestionId }),
      }));
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
      const fresh = createExampleIndex();
      for (const row of rows.reverse()) fresh.add(row);
      index = fresh;
      revision = newest;
    },
    [Symbol.dispose]() {
      index = createExampleIndex();
    },
  };
}
