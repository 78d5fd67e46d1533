import { suggestionPage } from "../../protocol/api.ts";
import type { OwnFolder } from "../observe/journal-entry.ts";
import type { SuggestionJournal } from "../observe/suggestion-journal.ts";
import type { ServerConnection } from "../sync/server-discovery.ts";
import { ask } from "../sync/server-request.ts";

const DEADLINE_MS = 5_000;
/** Suggestions of one page: as many as a view of the last days shows. */
const PAGE_SIZE = 100;

/**
 * Brings the journal to what the server knows: survival that was told after this window saw the code
 * last, ratings of other windows and of the dashboard. False when the server did not answer.
 */
export async function readServerSuggestions(
  journal: SuggestionJournal,
  connection: ServerConnection,
  folderOf: (root: string) => OwnFolder | null,
  signal: AbortSignal,
): Promise<boolean> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]);
  const route = `/v1/suggestions?limit=${PAGE_SIZE}`;
  const answer = await ask(connection, suggestionPage, "GET", route, null, deadline);
  if (!answer.ok) return false;
  // What a replayed history stood in for is nothing that this developer was shown.
  const own = answer.value.suggestions.filter(({ source }) => source === "editor");
  journal.merge(own, ({ root }) => (root === undefined ? null : folderOf(root)));
  return true;
}
