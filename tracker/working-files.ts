import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type RetentionIn, retentionIn } from "../core/survival/retention.ts";
import type { PlaceSeen } from "../core/survival/survival-record.ts";
import type { SnippetSurvival } from "../core/survival/survival-state.ts";
import { type BlobReader, openBlobs } from "./blobs.ts";
import { GitError } from "./git.ts";
import { readLooseFile } from "./loose-objects.ts";
import type { Repository } from "./repository.ts";
import type { TrackerOptions } from "./tracker.ts";

/** Larger files are data (survival.md section 3.5). */
const MAX_FILE_BYTES = 3 * 1024 * 1024;
/** Reading the index for one snippet; git that takes longer hangs. */
const INDEX_DEADLINE_MS = 10_000;

interface ReadFile {
  readonly text: string;
  readonly retained: RetentionIn;
}

/** What HEAD holds of a snippet. */
export interface InHead {
  readonly commit: string;
  readonly tok: number;
}

/** Places that no commit names: open documents, files of the work tree, the index. */
export const createWorkingFiles = (repository: Repository, openText: TrackerOptions["openText"]) => {
  /** Of one look, so that many snippets of one file read it once. */
  const read = new Map<string, Promise<ReadFile | null>>();
  const opened = new Map<string, Promise<ReadFile | null>>();
  /** Texts of HEAD, likewise. */
  const committed = new Map<string, Promise<string | null>>();
  let blobs: BlobReader | null = null;
  let stop = new AbortController();

  const onDisk = (path: string): Promise<ReadFile | null> => {
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
      return text === null ? null : { text, retained: retentionIn(text) };
    })();
    read.set(path, fresh);
    return fresh;
  };

  const inEditor = (path: string): Promise<ReadFile | null> => {
    const known = opened.get(path);
    if (known !== undefined) return known;
    const fresh = (async () => {
      const text = (await openText?.(path)) ?? null;
      return text === null ? null : { text, retained: retentionIn(text) };
    })();
    opened.set(path, fresh);
    return fresh;
  };

  const candidates = (known: SnippetSurvival, where: readonly PlaceSeen[]): Set<string> =>
    new Set([known.file, ...where.flatMap(({ files }) => files), ...known.where.flatMap(({ files }) => files)]);

  const readBlob = async (name: string): Promise<string | null> => {
    if (blobs === null) {
      stop = new AbortController();
      blobs = openBlobs(repository.top, AbortSignal.any([stop.signal, AbortSignal.timeout(INDEX_DEADLINE_MS)]));
    }
    return (await blobs.read(name))?.toString("utf8") ?? null;
  };

  /** What was just committed lies in files of its own, and is read without a process. */
  const readCommitted = async (commit: string, path: string): Promise<string | null> => {
    const loose = await readLooseFile(repository.commonDir, commit, path);
    return loose.ok ? (loose.content?.toString("utf8") ?? null) : readBlob(`${commit}:${path}`);
  };

  /**
   * Whether a text is the committed one: then the walk of the commits says what of it is the snippet, and text that
   * was only written like it is none.
   */
  const isCommitted = async (text: string, path: string, { commit }: InHead): Promise<boolean> => {
    const name = `${commit}:${path}`;
    let known = committed.get(name);
    if (known === undefined) {
      known = readCommitted(commit, path).catch((error: unknown) => {
        if (error instanceof GitError) return null;
        throw error;
      });
      committed.set(name, known);
    }
    const there = await known;
    return there !== null && withoutReturns(there) === withoutReturns(text);
  };

  /** What a text holds of a snippet; of the committed one, what HEAD was found to hold. */
  const newIn = async (file: ReadFile, known: SnippetSurvival, path: string, head: InHead | null): Promise<number> => {
    const tok = file.retained(known.text, known.syntax);
    if (tok === 0 || head === null || tok <= head.tok) return tok;
    return (await isCommitted(file.text, path, head)) ? head.tok : tok;
  };

  return {
    async find(known: SnippetSurvival, where: readonly PlaceSeen[], head: InHead | null): Promise<PlaceSeen[]> {
      const found: PlaceSeen[] = [];
      let best: PlaceSeen | null = null;
      for (const path of candidates(known, where)) {
        const open = await inEditor(path);
        const inBuffer = open === null ? 0 : await newIn(open, known, path, head);
        if (inBuffer > 0) found.push({ place: "buffer", ref: "", tok: inBuffer, files: [path] });
        const file = await onDisk(path);
        const tok = file === null ? 0 : await newIn(file, known, path, head);
        if (tok > (best?.tok ?? 0)) best = { place: "worktree", ref: "", tok, files: [path] };
      }
      return best === null ? found : [best, ...found];
    },

    async findInIndex(known: SnippetSurvival, mode: "walk" | "jump", head: InHead | null): Promise<PlaceSeen[]> {
      if (mode === "jump") return [];
      try {
        const text = await readBlob(`:0:${known.file}`);
        const file = text === null ? null : { text, retained: retentionIn(text) };
        const tok = file === null ? 0 : await newIn(file, known, known.file, head);
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
      committed.clear();
      blobs?.[Symbol.dispose]();
      blobs = null;
    },
  };
};

/** Git may write lines with a carriage return into the work tree that it holds without. */
const withoutReturns = (text: string): string => text.replaceAll("\r\n", "\n");
