import { nestsDeeperThan } from "../http/body.ts";
import { MAX_LINE_BYTES } from "./layout.ts";
import { invalidArchive } from "./tar.ts";
import { createReadStream } from "node:fs";
import type { z } from "zod";

/** Nesting of JSON in a record: an event, or the report of an evaluation, needs less than half of it. */
const MAX_DEPTH = 32;

/** A record as it stands in the file, and what its schema made of it. */
export interface ReadRecord<T> {
  readonly raw: Record<string, unknown>;
  readonly data: T;
}

/** The records of a file of JSON lines, each as its schema wants it. @throws AppError `archive-invalid` with the line */
export async function* readRecords<T>(
  file: string,
  member: string,
  schema: z.ZodType<T>,
  expected: number | undefined,
): AsyncGenerator<ReadRecord<T>> {
  let n = 0;
  for await (const line of linesOf(file, member)) {
    n += 1;
    if (nestsDeeperThan(line, MAX_DEPTH)) throw invalidArchive(`line ${n} of ${member} nests too deeply`);
    let value: unknown;
    try {
      value = JSON.parse(line);
    } catch {
      throw invalidArchive(`line ${n} of ${member} is not JSON`);
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      const field = issue?.path.map(String).join(".") || "the record";
      throw invalidArchive(`line ${n} of ${member}: ${field}: ${issue?.message ?? "wrong shape"}`.slice(0, 300));
    }
    yield { raw: value as Record<string, unknown>, data: parsed.data };
  }
  if (expected !== undefined && n !== expected) {
    throw invalidArchive(`${member} has ${n} records and its manifest says ${expected}`);
  }
}

/** Lines of a file, none longer than a record may be: nothing is held that is not one. */
async function* linesOf(file: string, member: string): AsyncGenerator<string> {
  let held: Buffer[] = [];
  let nHeld = 0;
  for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, from)) {
      held.push(piece.subarray(from, end));
      yield Buffer.concat(held).toString("utf8");
      held = [];
      nHeld = 0;
      from = end + 1;
    }
    if (from === piece.length) continue;
    held.push(piece.subarray(from));
    nHeld += piece.length - from;
    if (nHeld > MAX_LINE_BYTES) throw invalidArchive(`a line of ${member} is too long`);
  }
  if (nHeld > 0) throw invalidArchive(`the last line of ${member} has no end`);
}
