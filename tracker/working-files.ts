import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { retentionIn } from "../core/survival/retention.ts";
import type { PlaceSeen } from "../core/survival/survival-record.ts";
import type { SnippetSurvival } from "../core/survival/survival-state.ts";
import { type BlobReader, openBlobs } from "./blobs.ts";
import type { WalkedSnippet } from "./commit-walk.ts";
import { GitError } from "./git.ts";
import type { Repository } from "./repository.ts";
import type { TrackerOptions } from "./tracker.ts";

/** Larger files are data (survival.md section 3.5). */
const MAX_FILE_BYTES = 3 * 1024 * 1024;
/** Reading the index for one snippet; git that takes longer hangs. */
const INDEX_DEADLINE_MS = 10_000;

type Retained = (text: string) => number;

/** Places that no commit names: open documents, files of the work tree, the index. */
export const createWorkingFiles = (repository: Repository, openText: TrackerOptions["openText"]) => {
  /** Of one look, so that many snippets of one file read it once. */
  const read = new Map<string, Promise<Retained | null>>();
  const opened = new Map<string, Promise<Retained | null>>();
  let blobs: BlobReader | null = null;
  let stop = new AbortController();

  const onDisk = (path: string): Promise<Retained | null> => {
    const known = read.get(path);
    if (known !== undefined) return known;
    const fresh = (async () => {
      const file = join(repository.top, path);
      const size = await stat(file).then(
        (found) => (found.isFile() ? found.size : Infinity),
        () => Infinity,
      );
      if (size > MAX_FILE_BYTES) return null;
      const text = await readFile(file, "utf8").catch(() => null);
      return text === null ? null : retentionIn(text);
    })();
    read.set(path, fresh);
    return fresh;
  };

  const inEditor = (path: string): Promise<Retained | null> => {
    const known = opened.get(path);
    if (known !== undefined) return known;
    const fresh = (async () => {
      const text = (await openText?.(path)) ?? null;
      return text === null ? null : retentionIn(text);
    })();
    opened.set(path, fresh);
    return fresh;
  };

  const candidates = (known: SnippetSurvival, where: readonly PlaceSeen[]): Set<string> =>
    new Set([known.file, ...where.flatMap(({ files }) => files), ...known.where.flatMap(({ files }) => files)]);

  return {
    async find(known: SnippetSurvival, _snippet: WalkedSnippet, where: readonly PlaceSeen[]): Promise<PlaceSeen[]> {
      const found: PlaceSeen[] = [];
      let best: PlaceSeen | null = null;
      for (const path of candidates(known, where)) {
        const open = (await inEditor(path))?.(known.text) ?? 0;
        if (open > 0) found.push({ place: "buffer", ref: "", tok: open, files: [path] });
        const retained = await onDisk(path);
        const tok = retained?.(known.text) ?? 0;
        if (tok > (best?.tok ?? 0)) best = { place: "worktree", ref: "", tok, files: [path] };
      }
      return best === null ? found : [best, ...found];
    },

    async findInIndex(known: SnippetSurvival, mode: "walk" | "jump"): Promise<PlaceSeen[]> {
      if (mode === "jump") return [];
      try {
        if (blobs === null) {
          stop = new AbortController();
          blobs = openBlobs(repository.top, AbortSignal.any([stop.signal, AbortSignal.timeout(INDEX_DEADLINE_MS)]));
        }
        const text = await blobs.read(`:0:${known.file}`);
        const tok = text === null ? 0 : retentionIn(text.toString("utf8"))(known.text);
        return tok > 0 ? [{ place: "index", ref: "", tok, files: [known.file] }] : [];
      } catch (error) {
        if (error instanceof GitError) return [];
        throw error;
      }
    },

    /** The look is over: files may have changed by the next one. */
    done(): void {
      read.clear();
      opened.clear();
      blobs?.[Symbol.dispose]();
      blobs = null;
    },
  };
};
