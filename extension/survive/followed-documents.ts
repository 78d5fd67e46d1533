import type { TextChange, Region } from "../../core/lifecycle/region.ts";
import type { ChangeAuthor } from "../../core/survival/buffer-cause.ts";
import {
  createBufferFollower,
  type BufferFact,
  type BufferFollower,
  type BufferMeasure,
} from "../../core/survival/buffer-follower.ts";
import type { AcceptedSnippet } from "../../core/survival/change-journal.ts";
import { type Syntax, syntaxOf } from "../../core/survival/markdown-text.ts";
import type { SavedBuffer } from "../../core/survival/saved-buffer.ts";
import { diffSequences } from "../../tracker/sequence-diff.ts";
import type { DiskText, TextSource } from "./text-source.ts";
import { createTurns } from "../../tracker/turns.ts";

/** Accepted code of this window in its documents, open or closed. Documents are named by their URI. */
export interface FollowedDocuments {
  follow(document: string, snippet: AcceptedSnippet): void;
  /** Costs the same whatever is followed. True when something is followed there. */
  changed(document: string, changes: readonly TextChange[], author: ChangeAuthor): boolean;
  opened(document: string): void;
  /** `text` is asked for only where it is needed. */
  closed(document: string, text: () => string): void;
  /** A file or a whole folder has another name. */
  renamed(from: string, to: string): void;
  /** A person deleted a file or a folder in the editor. Names the documents with code in them. */
  deleted(document: string): readonly string[];
  forget(suggestionId: string): void;
  /** Looks at a document, in small steps; one look at a time. */
  look(document: string, at: number, signal: AbortSignal): Promise<Look>;
  /** Document that a suggestion's code is in, or null. */
  documentOf(suggestionId: string): string | null;
  measure(suggestionId: string): BufferMeasure | null;
  standsAt(suggestionId: string): { readonly document: string; readonly region: Region } | null;
  suggestionsIn(document: string): readonly string[];
  /** What a save puts on disk, and where accepted code stands in it; null when nothing is followed there. */
  savedBuffer(document: string): SavedBuffer | null;
}

export type Look =
  | { readonly ok: true; readonly facts: readonly BufferFact[] }
  | { readonly ok: false; readonly reason: Extract<DiskText, { ok: false }>["reason"] };

interface Followed {
  readonly follower: BufferFollower;
  /** By its name when the code was accepted: another name does not make other tokens of it. */
  readonly syntax: Syntax;
  /** Deleted by a person: its code is gone until it is opened again. */
  isDeleted: boolean;
  /** The last look; the next waits for it. */
  looking: Promise<unknown>;
}

/** A text that is closed waits this long to be opened again under another name: an untitled one that is saved. */
const MAX_CLOSED_TEXTS = 8;

export function followDocuments(texts: TextSource): FollowedDocuments {
  const documents = new Map<string, Followed>();
  /** Last texts of closed documents that are no files, newest last. */
  let closedTexts: readonly { readonly document: string; readonly text: string }[] = [];

  const entryOf = (document: string): Followed => {
    const known = documents.get(document);
    if (known) return known;
    const syntax = syntaxOf(document);
    const follower = createBufferFollower(diffSequences, null, syntax);
    const made = { follower, syntax, isDeleted: false, looking: Promise.resolve() };
    documents.set(document, made);
    return made;
  };
  const holderOf = (suggestionId: string) =>
    [...documents].find(([, { follower }]) => follower.suggestionIds.includes(suggestionId)) ?? null;
  const move = (from: string, to: string) => {
    const moved = documents.get(from);
    if (!moved || documents.has(to)) return;
    documents.delete(from);
    documents.set(to, moved);
    const text = texts.open(to);
    if (text !== null) moved.follower.replaced(text, "edit");
  };
  const namesUnder = (document: string) =>
    [...documents.keys()].filter((name) => name === document || name.startsWith(`${document}/`));

  const settle = async (one: Followed, text: string, at: number): Promise<readonly BufferFact[]> => {
    const steps = one.follower.settle(text, at);
    const turns = createTurns();
    for (;;) {
      const step = steps.next();
      if (step.done) return step.value;
      if (turns.isOver()) await turns.next();
    }
  };
  const look = async (document: string, one: Followed, at: number, signal: AbortSignal): Promise<Look> => {
    const open = texts.open(document);
    if (open !== null) return { ok: true, facts: await settle(one, open, at) };
    if (one.isDeleted) {
      // A look between the deletion and the closing of its editor has found the text there once more.
      one.follower.replaced("", "deletion");
      return { ok: true, facts: await settle(one, "", at) };
    }
    const disk = await texts.read(document, signal);
    if (!disk.ok) return disk;
    // It may have been opened meanwhile: then the editor's text counts.
    const text = texts.open(document) ?? disk.text;
    if (text === disk.text) one.follower.replaced(text, "edit");
    return { ok: true, facts: await settle(one, text, at) };
  };

  return {
    follow(document, snippet) {
      for (const [name, { follower }] of documents) if (name !== document) follower.forget(snippet.suggestionId);
      entryOf(document).follower.follow(snippet);
    },
    changed(document, changes, author) {
      const one = documents.get(document);
      one?.follower.changed(changes, author);
      return one !== undefined;
    },
    opened(document) {
      if (!documents.has(document) && (closedTexts.length === 0 || !document.startsWith("file:"))) return;
      const text = texts.open(document);
      if (text === null) return;
      const saved = closedTexts.find((closed) => closed.text === text);
      if (saved) {
        closedTexts = closedTexts.filter((closed) => closed !== saved);
        move(saved.document, document);
      }
      const one = documents.get(document);
      if (!one) return;
      one.isDeleted = false;
      one.follower.replaced(text, "edit");
    },
    closed(document, text) {
      if (!documents.has(document) || document.startsWith("file:")) return;
      const last = text();
      // An untitled document that is saved is opened as a file before it is closed.
      const saved = texts.openFiles().find((name) => texts.open(name) === last);
      if (saved !== undefined) return move(document, saved);
      closedTexts = [...closedTexts, { document, text: last }].slice(-MAX_CLOSED_TEXTS);
    },
    renamed(from, to) {
      for (const name of namesUnder(from)) move(name, to + name.slice(from.length));
    },
    deleted(document) {
      const names = namesUnder(document);
      for (const name of names) {
        const one = entryOf(name);
        one.isDeleted = true;
        one.follower.replaced("", "deletion");
      }
      return names;
    },
    forget(suggestionId) {
      for (const [name, { follower }] of documents) {
        follower.forget(suggestionId);
        if (follower.suggestionIds.length === 0) documents.delete(name);
      }
    },
    async look(document, at, signal) {
      const one = documents.get(document);
      if (!one) return { ok: false, reason: "closed" };
      const turn = one.looking.then(() => look(document, one, at, signal));
      one.looking = turn.catch(() => {});
      return turn;
    },
    documentOf: (suggestionId) => holderOf(suggestionId)?.[0] ?? null,
    measure: (suggestionId) => holderOf(suggestionId)?.[1].follower.measure(suggestionId) ?? null,
    standsAt(suggestionId) {
      const [document, one] = holderOf(suggestionId) ?? [];
      const region = one?.isDeleted === false ? one.follower.standsAt(suggestionId) : null;
      return document === undefined || !region ? null : { document, region };
    },
    suggestionsIn: (document) => documents.get(document)?.follower.suggestionIds ?? [],
    savedBuffer(document) {
      const { follower, syntax } = documents.get(document) ?? {};
      if (follower === undefined || syntax === undefined || follower.text === null) return null;
      return { text: follower.text, places: follower.places(), syntax };
    },
  };
}
