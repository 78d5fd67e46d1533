import type { HistoryPoint } from "../../core/history-point.ts";
import { MAX_PREFIX_CHARS, MAX_SUFFIX_CHARS } from "../../core/history-point.ts";
import { languageOf } from "../../tracker/mined-files.ts";
import { AppError } from "../errors.ts";
import { linesOf } from "./text-lines.ts";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { z } from "zod";

/** One line of a points file: a place where code was really written. `suffix_child` and others are left alone. */
const pointLine = z.object({
  id: z.string().min(1),
  repo: z.string().default(""),
  commit: z.string().min(1),
  /** Seconds since 1970. */
  ts: z.number().nonnegative(),
  path: z.string().min(1),
  line: z.int().nonnegative(),
  col: z.int().nonnegative(),
  kind: z.enum(["line", "block"]),
  target: z.string(),
  prefix: z.string(),
  suffix: z.string(),
  hunk_del: z.int().nonnegative(),
});

/** Points of a JSON lines file in the order of the file; `.xz` is unpacked by the `xz` program. */
export async function* readPointsFile(file: string, signal: AbortSignal): AsyncGenerator<HistoryPoint> {
  const bytes = await openBytes(file, signal);
  let number = 0;
  try {
    for await (const line of linesOf(bytes.stream)) {
      signal.throwIfAborted();
      number += 1;
      if (line.trim() !== "") yield parsePoint(line, `${file}:${number}`);
    }
    await bytes.ended;
  } finally {
    bytes.stream.destroy();
  }
}

/** Reads one line of a points file. Throws AppError `invalid` that names the place and the field. */
export function parsePoint(line: string, place: string): HistoryPoint {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new AppError("malformed", `${place} is not JSON.`, { cause });
  }
  const parsed = pointLine.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new AppError("invalid", `${place}: ${issue?.path.join(".") || "point"}: ${issue?.message ?? "wrong shape"}`);
  }
  const point = parsed.data;
  return {
    id: point.id,
    commit: point.commit,
    writtenAt: point.ts * 1_000,
    path: point.path,
    language: languageOf(point.path) ?? "plaintext",
    line: point.line,
    column: point.col,
    prefix: point.prefix.slice(-MAX_PREFIX_CHARS),
    suffix: point.suffix.slice(0, MAX_SUFFIX_CHARS),
    target: point.target,
    kind: point.kind,
    nHunkDeleted: point.hunk_del,
  };
}

interface Bytes {
  readonly stream: Readable;
  /** Rejects when the file could not be unpacked to its end. */
  readonly ended: Promise<void>;
}

async function openBytes(file: string, signal: AbortSignal): Promise<Bytes> {
  if (!file.endsWith(".xz")) return { stream: createReadStream(file, { signal }), ended: Promise.resolve() };
  const child = spawn("xz", ["--decompress", "--stdout", "--", file], { stdio: ["ignore", "pipe", "pipe"], signal });
  let complaint = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaint += text));
  const ended = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else
        reject(new AppError("invalid", `${file} cannot be unpacked: ${complaint.trim() || `xz ended with ${code}`}`));
    });
  });
  // Awaited after the last line; a reader that stops early does not wait for it.
  ended.catch(() => undefined);
  await once(child, "spawn").catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "ENOENT") throw cause;
    const hint = "Install xz (Debian: xz-utils), or unpack the file first.";
    throw new AppError("invalid", `${file} is packed and there is no xz program.`, { cause, hint });
  });
  return { stream: child.stdout, ended };
}
