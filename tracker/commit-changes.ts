import type { CodeHunk, FileChange } from "../core/survival/file-change.ts";
import { type Syntax, syntaxOf } from "../core/survival/markdown-text.ts";
import { GitError, type GitStream, gitStream } from "./git.ts";
import { unquotePath } from "./quoted-path.ts";

/** A commit against one parent, or against any other commit. */
export interface CommitChanges {
  readonly commit: string;
  readonly tree: string;
  /** Committer's time, milliseconds since 1970. */
  readonly committedAt: number;
  /** Subject and body. */
  readonly message: string;
  readonly changes: readonly FileChange[];
  /** Files that differ, of any sort. */
  readonly nFiles: number;
  readonly nDeletedLines: number;
}

export interface CommitPair {
  readonly commit: string;
  /** Null compares with nothing: a root commit. */
  readonly base: string | null;
}

/** One `git diff-tree` that answers any number of questions. */
export interface ChangesReader extends Disposable {
  /**
   * Changes of each pair, in their order.
   *
   * @throws {GitError} when git fails, an object is missing, or the signal aborts
   */
  read(pairs: readonly CommitPair[]): AsyncGenerator<CommitChanges>;
}

/** Larger files are data (survival.md section 3.5); also git's own limit for what it calls binary here. */
const MAX_FILE_CHANGE_BYTES = 3 * 1024 * 1024;
/** Changes of more lines are generated. */
const MAX_FILE_CHANGE_LINES = 50_000;
/** A message is read for its meaning; squash merges write books. */
const MAX_MESSAGE_CHARS = 16_384;
/** Pairs that are asked for ahead of the answers. */
const MAX_QUEUED_PAIRS = 256;

const END_OF_MESSAGE = "\u0003kept";
const END_OF_PAIRS = "kept-end";

/** Arguments of git. */
export const DIFF_ARGS: readonly string[] = [
  "diff-tree",
  "--stdin",
  "--root",
  "--always",
  "-r",
  "-p",
  "-U3",
  "--inter-hunk-context=0",
  "-M",
  "-l1000",
  "--diff-algorithm=myers",
  "--indent-heuristic",
  "--full-index",
  "--no-relative",
  "--no-color",
  "--no-ext-diff",
  "--no-textconv",
  "--no-notes",
  "--ignore-submodules=all",
  "--src-prefix=a/",
  "--dst-prefix=b/",
  "-O/dev/null",
  "--encoding=UTF-8",
  `--format=%x01%H %T %ct%n%B%n${END_OF_MESSAGE}`,
];

/**
 * Starts `git diff-tree` on a repository. Text of files that `isRead` refuses is passed over: they are counted,
 * without hunks.
 */
export const openChanges = (repo: string, signal: AbortSignal, isRead: (path: string) => boolean): ChangesReader => {
  let git: GitStream | null = null;
  let lines: AsyncGenerator<LineBlock> | null = null;

  return {
    async *read(pairs) {
      if (pairs.length === 0) return;
      git ??= gitStream(repo, DIFF_ARGS, signal);
      lines ??= splitBlocks(git.chunks);
      const stream = git;
      stream.hold(true);
      const parser = createParser(isRead);
      const asked = (async () => {
        for (let at = 0; at < pairs.length; at += MAX_QUEUED_PAIRS) {
          const some = pairs.slice(at, at + MAX_QUEUED_PAIRS);
          await stream.write(
            some.map(({ commit, base }) => (base === null ? `${commit}\n` : `${commit} ${base}\n`)).join(""),
          );
        }
        // Git echoes what is no object id, and flushes.
        await stream.write(`${END_OF_PAIRS}\n`);
      })();
      for (;;) {
        const next = await lines.next();
        if (next.done === true) throw new GitError("git-failed", "git diff-tree ended early");
        const block = next.value;
        parser.start(block);
        for (;;) {
          const done = parser.next();
          if (done === null) break;
          if (done === "end") {
            await asked;
            // One that waits to be asked keeps no program from its end.
            stream.hold(false);
            return;
          }
          yield done;
        }
      }
    },
    [Symbol.dispose]() {
      git?.end();
      git?.kill();
    },
  };
};

/** Whole lines of git's output. */
type LineBlock = Buffer;

const splitBlocks = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<LineBlock> {
  let rest: Buffer[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      rest.push(chunk);
      continue;
    }
    const head = chunk.subarray(0, end);
    yield rest.length === 0 ? head : Buffer.concat([...rest, head]);
    rest = end === chunk.length ? [] : [chunk.subarray(end)];
  }
  if (rest.length > 0) yield Buffer.concat(rest);
};

const NEWLINE = 0x0a;
const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const BACKSLASH = 0x5c;

interface OpenHunk {
  oldStart: number;
  nOld: number;
  newStart: number;
  nNew: number;
  parts: Buffer[];
}

interface OpenFile {
  oldPath: string | null;
  newPath: string | null;
  newBlob: string | null;
  content: FileChange["content"];
  isRead: boolean;
  isNew: boolean;
  isDeleted: boolean;
  hunks: OpenHunk[];
  nBytes: number;
  nLines: number;
}

interface OpenCommit {
  commit: string;
  tree: string;
  committedAt: number;
  message: string;
  files: OpenFile[];
  nDeletedLines: number;
}

/** Reads blocks of lines one after the other; `next` gives a commit whenever the following one begins. */
const createParser = (isRead: (path: string) => boolean) => {
  let block: Buffer = Buffer.alloc(0);
  let at = 0;
  let commit: OpenCommit | null = null;
  let file: OpenFile | null = null;
  let hunk: OpenHunk | null = null;
  let inMessage = false;
  /** Lines of the open hunk that are still to come, by side. */
  let nOldLeft = 0;
  let nNewLeft = 0;

  const readHunkLines = (): void => {
    const start = at;
    let nLines = 0;
    while (at < block.length && (nOldLeft > 0 || nNewLeft > 0)) {
      const mark = block[at];
      if (mark === PLUS) {
        nNewLeft -= 1;
        nLines += 1;
      } else if (mark === MINUS) {
        nOldLeft -= 1;
        nLines += 1;
        if (commit !== null) commit.nDeletedLines += 1;
      } else if (mark !== BACKSLASH) {
        nOldLeft -= 1;
        nNewLeft -= 1;
      }
      const end = block.indexOf(NEWLINE, at);
      at = end === -1 ? block.length : end + 1;
    }
    if (file === null || hunk === null || !file.isRead) return;
    file.nBytes += at - start;
    file.nLines += nLines;
    if (file.nBytes > MAX_FILE_CHANGE_BYTES || file.nLines > MAX_FILE_CHANGE_LINES) {
      file.content = "too-large";
      file.isRead = false;
      file.hunks = [];
      return;
    }
    hunk.parts.push(block.subarray(start, at));
  };

  const takeLine = (): string => {
    const end = block.indexOf(NEWLINE, at);
    const line = block.toString("utf8", at, end === -1 ? block.length : end);
    at = end === -1 ? block.length : end + 1;
    return line;
  };

  const header = (text: string): void => {
    if (file === null) return;
    if (text.startsWith("index ")) {
      const id = /^index [0-9a-f]+\.\.([0-9a-f]+)/.exec(text)?.[1] ?? "";
      file.newBlob = /^0*$/.test(id) ? null : id;
    } else if (text.startsWith("rename from ")) file.oldPath = unquotePath(text.slice("rename from ".length));
    else if (text.startsWith("rename to ")) file.newPath = unquotePath(text.slice("rename to ".length));
    else if (text.startsWith("new file mode ")) file.isNew = true;
    else if (text.startsWith("deleted file mode ")) file.isDeleted = true;
    else if (text.startsWith("Binary files ")) file.content = "binary";
    else if (text.startsWith("--- ")) file.oldPath = sidePath(text.slice(4));
    else if (text.startsWith("+++ ")) {
      file.newPath = sidePath(text.slice(4));
      file.isRead = [file.oldPath, file.newPath].some((path) => path !== null && isRead(path));
    } else if (text.startsWith("@@ ")) {
      const match = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(text);
      if (match === null) return;
      hunk = {
        oldStart: Number(match[1]),
        nOld: Number(match[2] ?? 1),
        newStart: Number(match[3]),
        nNew: Number(match[4] ?? 1),
        parts: [],
      };
      if (file.isRead) file.hunks.push(hunk);
      nOldLeft = hunk.nOld;
      nNewLeft = hunk.nNew;
    }
  };

  return {
    start(next: Buffer): void {
      block = next;
      at = 0;
    },
    next(): CommitChanges | "end" | null {
      while (at < block.length) {
        if (nOldLeft > 0 || nNewLeft > 0) {
          readHunkLines();
          continue;
        }
        const first = block[at];
        // The remark that a file ends without a newline.
        if (first === BACKSLASH || (first === SPACE && !inMessage)) {
          takeLine();
          continue;
        }
        const text = takeLine();
        if (inMessage && commit !== null) {
          if (text === END_OF_MESSAGE) inMessage = false;
          else if (commit.message.length < MAX_MESSAGE_CHARS) commit.message += `${text}\n`;
        } else if (first === 1) {
          const done = commit;
          const [id = "", tree = "", seconds = "0"] = text.slice(1).split(" ");
          commit = { commit: id, tree, committedAt: Number(seconds) * 1000, message: "", files: [], nDeletedLines: 0 };
          file = null;
          inMessage = true;
          if (done !== null) return close(done);
        } else if (text === END_OF_PAIRS && file === null && commit === null) {
          return "end";
        } else if (text === END_OF_PAIRS) {
          const done = commit;
          commit = null;
          file = null;
          // Read again, as the end.
          at -= END_OF_PAIRS.length + 1;
          if (done !== null) return close(done);
        } else if (commit !== null && text.startsWith("diff --git ")) {
          const [oldPath, newPath] = headerPaths(text.slice("diff --git ".length));
          file = {
            oldPath,
            newPath,
            newBlob: null,
            content: "text",
            isRead: false,
            isNew: false,
            isDeleted: false,
            hunks: [],
            nBytes: 0,
            nLines: 0,
          };
          commit.files.push(file);
        } else header(text);
      }
      return null;
    },
  };
};

const close = ({ files, message, ...rest }: OpenCommit): CommitChanges => ({
  ...rest,
  message: message.trimEnd(),
  nFiles: files.length,
  changes: files.map(closeFile),
});

const closeFile = ({ oldPath, newPath, newBlob, content, hunks, isNew, isDeleted }: OpenFile): FileChange => ({
  oldPath: isNew ? null : oldPath,
  newPath: isDeleted ? null : newPath,
  newBlob,
  content,
  hunks: hunks.map((hunk) => closeHunk(hunk, syntaxOfChange(oldPath, newPath))),
});

/** Markdown that becomes something else is read as code, and so is code that becomes Markdown: it may be either. */
const syntaxOfChange = (oldPath: string | null, newPath: string | null): Syntax =>
  [oldPath ?? newPath, newPath ?? oldPath].every((path) => syntaxOf(path) === "markdown") ? "markdown" : "code";

const closeHunk = ({ parts, ...place }: OpenHunk, syntax: Syntax): CodeHunk => ({
  ...place,
  syntax,
  lines() {
    const text = (parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)).toString("utf8");
    return text.split("\n").filter((line) => line !== "" && !line.startsWith("\\"));
  },
  known: null,
});

/** Null for `/dev/null`. Git ends a name that holds a space with a tab, for the sake of patch(1). */
const sidePath = (printed: string): string | null => {
  if (printed === "/dev/null") return null;
  return unquotePath(printed.replace(/\t$/, "")).slice(2);
};

/** Both names of `diff --git a/… b/…`, which are equal unless `rename` lines follow. */
const headerPaths = (text: string): [string | null, string | null] => {
  const quoted = /^("(?:[^"\\]|\\.)*") ("(?:[^"\\]|\\.)*")$/.exec(text);
  if (quoted !== null) return [unquotePath(quoted[1] as string).slice(2), unquotePath(quoted[2] as string).slice(2)];
  const middle = (text.length - 1) / 2;
  return Number.isInteger(middle) ? [text.slice(2, middle), text.slice(middle + 3)] : [null, null];
};
