import { GitError, gitStream } from "./git.ts";

/** Reads file contents through one `git cat-file --batch` process. */
export interface BlobReader {
  /**
   * Content of a blob by object id or `<commit>:<path>`; null when there is none, it is no file, or it is
   * larger than {@link MAX_BLOB_BYTES}. One call at a time.
   *
   * @throws {GitError} when git ends
   */
  read(name: string): Promise<Buffer | null>;
  [Symbol.dispose](): void;
}

/** Source that people write is smaller; larger files are data. */
export const MAX_BLOB_BYTES = 1_048_576;

export const openBlobs = (repo: string, signal: AbortSignal): BlobReader => {
  const git = gitStream(repo, ["cat-file", "--batch"], signal);
  const chunks = git.chunks[Symbol.asyncIterator]();
  let held: Buffer = Buffer.alloc(0);

  const more = async (): Promise<void> => {
    const next = await chunks.next();
    if (next.done === true) throw new GitError("git-failed", "git cat-file ended early");
    held = held.length === 0 ? next.value : Buffer.concat([held, next.value]);
  };
  const readLine = async (): Promise<string> => {
    for (;;) {
      const end = held.indexOf(0x0a);
      if (end === -1) {
        await more();
        continue;
      }
      const line = held.toString("utf8", 0, end);
      held = held.subarray(end + 1);
      return line;
    }
  };
  /** Takes so many bytes and keeps them only when asked, so that a huge object costs no memory. */
  const takeBytes = async (nBytes: number, keep: "keep" | "drop"): Promise<Buffer> => {
    const parts: Buffer[] = [];
    let missing = nBytes;
    while (missing > 0) {
      if (held.length === 0) await more();
      const part = held.subarray(0, missing);
      held = held.subarray(part.length);
      missing -= part.length;
      if (keep === "keep") parts.push(part);
    }
    return Buffer.concat(parts);
  };

  return {
    async read(name) {
      if (name.includes("\n")) return null;
      await git.write(`${name}\n`);
      const header = /^[0-9a-f]{40,64} (\w+) (\d+)$/.exec(await readLine());
      if (header === null) return null;
      const nBytes = Number(header[2]);
      const fits = header[1] === "blob" && nBytes <= MAX_BLOB_BYTES;
      const content = await takeBytes(nBytes, fits ? "keep" : "drop");
      await takeBytes(1, "drop");
      return fits ? content : null;
    },
    [Symbol.dispose]() {
      git.end();
      git.kill();
    },
  };
};
