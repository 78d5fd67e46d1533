import * as z from "zod";
import { suggestionRow } from "./api.ts";
import { oneLine } from "./fields.ts";

/** What came from another machine or a file: nothing is learnt from it until a person has accepted it. */
export const importKind = z.enum(["archive", "git-ai", "agent-trace"]);

/** Names the import that generations belong to; they are held with it. */
export const importOrigin = z.object({ id: z.uuidv7(), kind: importKind, name: oneLine(256) });
export type ImportOrigin = z.infer<typeof importOrigin>;

export const importRow = z.object({
  id: z.string(),
  kind: importKind,
  /** Of the file or the repository, without its folder. */
  name: z.string(),
  importedAt: z.string(),
  state: z.enum(["held", "accepted", "refused"]),
  /** Accepted as the owner's own: no cap is on it, and it counts in rates. */
  mine: z.boolean(),
  decidedAt: z.string().nullable(),
  /** Suggestions that came with it and are still there, and their labels. */
  suggestions: z.int(),
  labels: z.object({ good: z.int(), bad: z.int(), unknown: z.int() }),
  /** Events that came for suggestions that were there before. */
  events: z.int(),
});
export type ImportRow = z.infer<typeof importRow>;

/** `GET /v1/imports`: newest first. */
export const importPage = z.object({ imports: z.array(importRow) });

/** `GET /v1/imports/:id/suggestions?limit=20`: the newest of it. */
export const importedSuggestions = z.object({ suggestions: z.array(suggestionRow) });

/** `POST /v1/imports/:id/accept`: `mine` says that it is the owner's own, from another machine. */
export const importAcceptance = z.object({ mine: z.boolean().default(false) });
