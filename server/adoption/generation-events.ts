import path from "node:path";
import { redactSecrets } from "../../core/redaction.ts";
import { cutIntoPieces, type Piece } from "../../core/survival/pieces.ts";
import { EVENT_SCHEMA_VERSION, type KeptEvent } from "../../protocol/events.ts";
import type { Generation } from "../../protocol/generations.ts";
import { languageOf } from "../../tracker/mined-files.ts";
import { stableId } from "../stable-id.ts";

/** Text around the place that an event holds, as the editor's own events do, UTF-16 units. */
const MAX_PREFIX_CHARS = 4_000;
const MAX_SUFFIX_CHARS = 1_500;

/** The pieces of a generation as events, each a suggestion that was shown and accepted. */
export interface AdoptedGeneration {
  readonly pieces: readonly { readonly suggestionId: string; readonly events: readonly KeptEvent[] }[];
}

/**
 * What a generation becomes in the log. Ids follow from `key`, so that the same report gives the same ids;
 * secrets are taken out before anything is written.
 */
export function adoptGeneration(generation: Generation, key: string, wallMs: number): AdoptedGeneration {
  const { tool, model, session } = generation;
  const sessionId = stableId(`session\0${tool}\0${session ?? key}`);
  const text = redactSecrets(generation.text);
  const pieces = cutIntoPieces(text).filter((piece) => piece.text.trim() !== "");
  let offset = 0;
  return {
    pieces: pieces.map((piece, at) => {
      offset = text.indexOf(piece.text, offset);
      const around = surroundings(generation, text, piece, offset);
      offset += piece.text.length;
      const id = (kind: string): string => stableId(`${kind}\0${tool}\0${key}\0${at}`);
      const suggestionId = id("suggestion");
      const envelope = (kind: "shown" | "accepted", sequence: number) => ({
        id: id(kind),
        v: EVENT_SCHEMA_VERSION as 1,
        suggestionId,
        sessionId,
        sequence,
        wallMs,
        monotonicMs: sequence,
      });
      const shown: KeptEvent = {
        ...envelope("shown", 0),
        kind: "shown",
        context: around,
        completion: piece.text,
        model: { base: `tool:${tool}`.slice(0, 64), adapter: null },
        latencyMs: 0,
        source: "tool",
        generator: { tool, model },
        ...(generation.commit === undefined ? {} : { commit: generation.commit }),
      };
      return { suggestionId, events: [shown, { ...envelope("accepted", 1), kind: "accepted", visibleMs: 0 }] };
    }),
  };
}

function surroundings(generation: Generation, text: string, piece: Piece, offset: number) {
  const { root, line, language } = generation;
  const file = path.posix.normalize(generation.path);
  return {
    root,
    path: file,
    language: language ?? languageOf(file) ?? "plaintext",
    line: line - 1 + piece.line,
    column: 0,
    prefix: wellFormed((redactSecrets(generation.prefix) + text.slice(0, offset)).slice(-MAX_PREFIX_CHARS)),
    suffix: wellFormed(
      (text.slice(offset + piece.text.length) + redactSecrets(generation.suffix)).slice(0, MAX_SUFFIX_CHARS),
    ),
    examples: [],
  };
}

/** A cut may have gone through a surrogate pair. */
const wellFormed = (text: string): string => text.replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, "");
