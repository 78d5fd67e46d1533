import { redactSecrets } from "../../core/redaction.ts";
import { exampleRow, type ExampleRow } from "../../protocol/api.ts";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import * as z from "zod";

/**
 * The examples that the server gave last, on disk: a window that opens while no server answers begins
 * with them. Only of folders that may be learned from, without secrets, and no more than MAX_BYTES.
 */
export interface ExampleMemory {
  /** The newest last; none when nothing was kept, or what was kept is damaged. */
  load(roots: readonly string[]): Promise<readonly ExampleRow[]>;
  /** Replaces what was kept of these folders. The newest last. */
  save(roots: readonly string[], rows: readonly ExampleRow[]): Promise<void>;
  /** Takes examples out, whatever folder they are of. */
  forget(isForgotten: (example: ExampleRow) => boolean): Promise<void>;
  /** Leaves nothing of folders that may no longer be learned from. */
  prune(): Promise<void>;
}

/** A few hundred examples; the index of the engine holds no more, bytes of JSON. */
const MAX_BYTES = 2 * 1024 * 1024;
const stored = z.object({ v: z.literal(1), examples: z.array(exampleRow) });

/** `mayKeep` tells whether code of a workspace folder may be kept now. */
export function openExampleMemory(file: string, mayKeep: (root: string) => boolean): ExampleMemory {
  let working: Promise<unknown> = Promise.resolve();
  /** One after the other: two changes never write over each other. */
  const inTurn = <T>(task: () => Promise<T>): Promise<T> => {
    const turn = working.then(task);
    working = turn.catch(() => {});
    return turn;
  };

  const read = async (): Promise<readonly ExampleRow[]> => {
    try {
      return stored.parse(JSON.parse(await readFile(file, "utf8"))).examples;
    } catch {
      return [];
    }
  };

  const write = async (rows: readonly ExampleRow[]) => {
    if (rows.length === 0) return rm(file, { force: true });
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
    const fresh = `${file}.${process.pid}.new`;
    await writeFile(fresh, JSON.stringify({ v: 1, examples: newestWithin(rows, MAX_BYTES) }), { mode: 0o600 });
    await rename(fresh, file);
  };

  return {
    load: (roots) =>
      inTurn(async () =>
        (await read()).filter(({ root }) => roots.includes(root) && mayKeep(root)).map(withoutSecrets),
      ),
    forget: (isForgotten) =>
      inTurn(async () => {
        const rows = await read();
        const kept = rows.filter((row) => !isForgotten(row));
        if (kept.length < rows.length) await write(kept);
      }),
    save: (roots, rows) =>
      inTurn(async () => {
        const others = (await read()).filter(({ root }) => !roots.includes(root));
        const fresh = newestWithin(rows, MAX_BYTES).filter(({ root }) => mayKeep(root));
        const clean: ExampleRow[] = [];
        for (const row of fresh) {
          clean.push(withoutSecrets(row));
          // Between two keys there is room for one example, not for hundreds.
          await new Promise((resolve) => setImmediate(resolve));
        }
        await write([...others, ...clean].filter(({ root }) => mayKeep(root)));
      }),
    prune: () =>
      inTurn(async () => {
        const rows = await read();
        const kept = rows.filter(({ root }) => mayKeep(root));
        if (kept.length < rows.length) await write(kept);
      }),
  };
}

/** The server's examples are clean already; a rule that is newer than they are may find more. */
function withoutSecrets(row: ExampleRow): ExampleRow {
  return { ...row, text: redactSecrets(row.text) };
}

function newestWithin(rows: readonly ExampleRow[], maxBytes: number): readonly ExampleRow[] {
  let bytes = 0;
  let first = rows.length;
  while (first > 0) {
    bytes += Buffer.byteLength(JSON.stringify(rows[first - 1])) + 1;
    if (bytes > maxBytes) break;
    first -= 1;
  }
  return rows.slice(first);
}
