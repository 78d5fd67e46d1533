import { idTimeMs } from "../../core/forget/id-time.ts";
import { forgetScope, type ForgetScope } from "../../protocol/api.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import * as z from "zod";

/** A request to forget as it stands on disk, for every window of this machine. */
export const storedRequest = z.object({
  v: z.literal(1),
  id: z.uuidv7(),
  requestedAtMs: z.number(),
  kind: z.enum(["suggestions", "files", "folders", "time", "everything"]),
  /** What the server is asked for; null once it has answered: then no name is left. */
  scope: forgetScope.nullable(),
  ids: z.array(z.string()),
  /** Keyed hashes, as events have them in `origin`. */
  files: z.array(z.string()),
  folders: z.array(z.string()),
  /** Keyed hashes of root and path, as entries without text have them. */
  hiddenPlaces: z.array(z.object({ root: z.string(), path: z.string() })),
  fromMs: z.number(),
  toMs: z.number(),
});
export type StoredRequest = z.infer<typeof storedRequest>;

/** What a person can ask to forget, by the names that this window knows. */
export type ForgetWish =
  | { readonly kind: "suggestions"; readonly ids: readonly string[] }
  | { readonly kind: "file"; readonly root: string; readonly path: string }
  | { readonly kind: "folder"; readonly root: string }
  | { readonly kind: "last"; readonly ms: number }
  | { readonly kind: "everything" };

/** Turns a wish into a request; `hidden` gives the names that stand for places without text. */
export function forgetRequestOf(
  wish: ForgetWish,
  id: string,
  nowMs: number,
  hidden: (place: string) => string,
): StoredRequest {
  const none = { v: 1, id, requestedAtMs: nowMs, ids: [], files: [], folders: [], hiddenPlaces: [] } as const;
  const rest = { ...none, ids: [], files: [], folders: [], hiddenPlaces: [], fromMs: 0, toMs: nowMs };
  switch (wish.kind) {
    case "suggestions":
      return { ...rest, kind: wish.kind, ids: [...wish.ids], scope: { kind: "suggestions", ids: [...wish.ids] } };
    case "file": {
      const { root, path } = wish;
      const place = { root: hidden(root), path: hidden(path) };
      return {
        ...rest,
        kind: "files",
        files: [hidden(`${root}\n${path}`)],
        hiddenPlaces: [place],
        scope: { kind: "files", files: [{ root, path }, place] },
      };
    }
    case "folder": {
      const name = hidden(wish.root);
      return { ...rest, kind: "folders", folders: [name], scope: { kind: "folders", roots: [wish.root, name] } };
    }
    case "last": {
      const fromMs = Math.max(0, nowMs - wish.ms);
      return { ...rest, kind: "time", fromMs, scope: { kind: "time", fromMs, toMs: nowMs } };
    }
    case "everything":
      return { ...rest, kind: "everything", scope: { kind: "everything" } };
  }
}

/** Tells what a request is about. Nothing that was made after it. */
export interface Forgotten {
  readonly request: StoredRequest;
  event(event: KeptEvent): boolean;
  suggestion(suggestion: { readonly id: string; readonly root: string; readonly path: string }): boolean;
}

export function forgottenBy(request: StoredRequest): Forgotten {
  const ids = new Set(request.ids);
  const files = new Set(request.files);
  const folders = new Set(request.folders);
  const places = new Set(request.hiddenPlaces.map(({ root, path }) => `${root}\n${path}`));
  const roots = new Set(request.folders);
  addNames(request.scope, places, roots);
  const isWithin = (ms: number) => ms >= request.fromMs && ms <= request.toMs;
  const suggestion: Forgotten["suggestion"] = ({ id, root, path }) => {
    if (ids.has(id)) return true;
    if (idTimeMs(id) > request.requestedAtMs) return false;
    switch (request.kind) {
      case "suggestions":
        return false;
      case "files":
        return places.has(`${root}\n${path}`);
      case "folders":
        return roots.has(root);
      case "time":
        return isWithin(idTimeMs(id));
      case "everything":
        return true;
    }
  };
  return {
    request,
    suggestion,
    event(event) {
      if (ids.has(event.suggestionId)) return true;
      if (idTimeMs(event.suggestionId) > request.requestedAtMs) return false;
      const { origin } = event;
      if (request.kind === "time") return isWithin(event.wallMs) || isWithin(idTimeMs(event.suggestionId));
      if (request.kind === "everything") return true;
      return origin !== undefined && (files.has(origin.file) || folders.has(origin.folder));
    },
  };
}

/** The request without any name: what stays of it until all windows have heard. */
export const withoutNames = (request: StoredRequest): StoredRequest => ({ ...request, scope: null });

function addNames(scope: ForgetScope | null, places: Set<string>, roots: Set<string>): void {
  if (scope?.kind === "files") for (const { root, path } of scope.files) places.add(`${root}\n${path}`);
  if (scope?.kind === "folders") for (const root of scope.roots) roots.add(root);
}
