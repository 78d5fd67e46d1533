import { keptText, shownEvent } from "../../core/labels/kept-text.ts";
import { summariseSignals } from "../../core/labels/signals.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { repositoryPath } from "./repository-path.ts";
import type { WalkedCode } from "./history-walk.ts";

/** Wall clock of the accept, milliseconds since 1970; null when nothing was accepted. */
export const acceptedTime = (events: readonly KeptEvent[]): number | null =>
  events.findLast(({ kind }) => kind === "accepted" || kind === "partially-accepted")?.wallMs ?? null;

/** What was accepted, as the tracker takes it; null when nothing was, its text was withheld, or it lies elsewhere. */
export function acceptedCode(id: string, events: readonly KeptEvent[], top: string): WalkedCode | null {
  const shown = shownEvent(events);
  const at = acceptedTime(events);
  const text = keptText(events, summariseSignals(events), { verdict: "good" });
  if (shown === null || at === null || text === null || text.from !== "completion") return null;
  const path = repositoryPath(top, shown.context.root, shown.context.path);
  if (path === null) return null;
  return { id, path, text: text.text, line: shown.context.line + 1, at, commit: shown.commit ?? null };
}
