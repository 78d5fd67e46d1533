/** A hunk's place in the old and the new file, lines counted from 1 as git does. */
export interface Hunk {
  readonly oldStart: number;
  readonly nOld: number;
  readonly newStart: number;
  readonly nNew: number;
}

export interface FilePatch {
  /** Path after the commit, relative to the folder that was asked about. */
  readonly path: string;
  /** Object ids; null when the file did not exist before. */
  readonly oldBlob: string | null;
  readonly newBlob: string;
  readonly hunks: readonly Hunk[];
}

export interface CommitPatch {
  readonly commit: string;
  /** Author time, seconds since 1970. */
  readonly authorSeconds: number;
  /** Text files that exist after the commit and have changed lines. */
  readonly files: readonly FilePatch[];
  /** Files that the commit touches, of any sort. */
  readonly nFiles: number;
  readonly nAddedLines: number;
}

/** Arguments of `git log` that print what {@link readPatches} reads. */
export const PATCH_ARGS: readonly string[] = [
  "--format=%x01%H %at",
  "-p",
  "-U0",
  "-M",
  "-O/dev/null",
  "--full-index",
  "--no-color",
  "--no-ext-diff",
  "--no-textconv",
  "--no-notes",
  "--no-decorate",
  "--no-show-signature",
  "--ignore-submodules=all",
  "--src-prefix=a/",
  "--dst-prefix=b/",
];

/** Parses a stream of `git log -p` into commits, holding no content lines. */
export const readPatches = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<CommitPatch> {
  let commit: OpenCommit | null = null;
  let file: OpenFile | null = null;
  /** Content lines of the open hunk that are still to come. */
  let nContentLines = 0;

  for await (const line of splitLines(chunks)) {
    if (nContentLines > 0) {
      // The remark that a file ends without a newline is not one of the hunk's lines.
      if (line[0] !== BACKSLASH) nContentLines -= 1;
      continue;
    }
    const first = line[0];
    if (first === START_OF_COMMIT) {
      if (commit !== null) yield close(commit);
      const [id = "", seconds = "0"] = line.toString("latin1", 1).split(" ");
      commit = { commit: id, authorSeconds: Number(seconds), files: [], nFiles: 0, nAddedLines: 0 };
      file = null;
      continue;
    }
    if (commit === null || first === BACKSLASH || line.length === 0) continue;
    const text = line.toString("utf8");
    if (text.startsWith("diff --git ")) {
      file = { path: null, oldBlob: null, newBlob: null, hunks: [] };
      commit.files.push(file);
      commit.nFiles += 1;
    } else if (file === null) {
      continue;
    } else if (text.startsWith("index ")) {
      const blobs = /^index ([0-9a-f]+)\.\.([0-9a-f]+)/.exec(text);
      file.oldBlob = existing(blobs?.[1]);
      file.newBlob = existing(blobs?.[2]);
    } else if (text.startsWith("+++ ")) {
      file.path = newPath(text);
    } else if (text.startsWith("@@ ")) {
      const hunk = parseHunk(text);
      if (hunk === null) continue;
      file.hunks.push(hunk);
      commit.nAddedLines += hunk.nNew;
      nContentLines = hunk.nOld + hunk.nNew;
    }
  }
  if (commit !== null) yield close(commit);
};

interface OpenFile {
  path: string | null;
  oldBlob: string | null;
  newBlob: string | null;
  hunks: Hunk[];
}

interface OpenCommit {
  commit: string;
  authorSeconds: number;
  files: OpenFile[];
  nFiles: number;
  nAddedLines: number;
}

const START_OF_COMMIT = 0x01;
const BACKSLASH = 0x5c;
const NEWLINE = 0x0a;

const close = (open: OpenCommit): CommitPatch => ({
  ...open,
  files: open.files.flatMap(({ path, oldBlob, newBlob, hunks }) =>
    path === null || newBlob === null || hunks.length === 0 ? [] : [{ path, oldBlob, newBlob, hunks }],
  ),
});

/** The object id of no object is all zeros. */
const existing = (id: string | undefined): string | null => (id === undefined || /^0+$/.test(id) ? null : id);

/** Null for deleted files and for names with control characters or quotes, which git escapes. */
const newPath = (line: string): string | null => {
  // Git ends a name that holds a space with a tab, for the sake of patch(1).
  const name = line.slice("+++ ".length).replace(/\t$/, "");
  return name.startsWith("b/") ? name.slice(2) : null;
};

const parseHunk = (line: string): Hunk | null => {
  const match = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/.exec(line);
  if (match === null) return null;
  return {
    oldStart: Number(match[1]),
    nOld: Number(match[2] ?? 1),
    newStart: Number(match[3]),
    nNew: Number(match[4] ?? 1),
  };
};

const splitLines = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer[] = [];
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      if (end === -1) break;
      const tail = chunk.subarray(start, end);
      yield pending.length === 0 ? tail : Buffer.concat([...pending, tail]);
      pending = [];
      start = end + 1;
    }
    if (start < chunk.length) pending.push(chunk.subarray(start));
  }
  if (pending.length > 0) yield Buffer.concat(pending);
};
