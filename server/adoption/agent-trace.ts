import { z } from "zod";
import { nestsDeeperThan } from "../http/body.ts";

/** Records of the Agent Trace specification, versions 0.1 to 1.x: which lines an AI contributed to. */
const contributor = z.object({
  type: z.enum(["human", "ai", "mixed", "unknown"]),
  model_id: z.string().max(250).optional(),
});
const range = z
  .object({
    start_line: z.int().min(1).max(10_000_000),
    end_line: z.int().min(1).max(10_000_000),
    contributor: contributor.optional(),
  })
  .refine(({ start_line, end_line }) => end_line >= start_line, "end_line is before start_line");
const conversation = z.object({
  url: z.string().max(2_048).optional(),
  contributor: contributor.optional(),
  ranges: z.array(range).max(10_000),
});
const insidePath = z
  .string()
  .min(1)
  .max(4_096)
  .refine(
    (path) => !/[\0\n\r\\]|^[a-z]:/i.test(path) && path.split("/").every((part) => !["", ".", ".."].includes(part)),
    "the path has to be relative to the repository's root",
  );

export const traceRecord = z.object({
  version: z.string().regex(/^[01](?:\.\d+){1,2}$/, "only versions 0.x and 1.x are known"),
  id: z.uuid(),
  timestamp: z.iso.datetime({ offset: true }),
  vcs: z.object({ type: z.enum(["git", "jj", "hg", "svn"]), revision: z.string().max(256) }).optional(),
  tool: z.object({ name: z.string().max(250).optional(), version: z.string().max(250).optional() }).optional(),
  files: z.array(z.object({ path: insidePath, conversations: z.array(conversation).max(1_000) })).max(5_000),
});
export type TraceRecord = z.infer<typeof traceRecord>;

/** Lines that an AI wrote or had a part in. */
export interface TracedRange {
  readonly path: string;
  readonly first: number;
  readonly last: number;
  readonly model: string | null;
  /** Address of the conversation, which tells them apart; null when the record has none. */
  readonly conversation: string | null;
}

/** The AI's ranges of a record. A range's own contributor counts before its conversation's. */
export function rangesOf(record: TraceRecord): TracedRange[] {
  return record.files.flatMap(({ path, conversations }) =>
    conversations.flatMap(({ url, contributor: common, ranges }) =>
      ranges.flatMap(({ start_line, end_line, contributor: own }) => {
        const { type, model_id } = own ?? common ?? { type: "unknown" };
        if (type !== "ai" && type !== "mixed") return [];
        return [{ path, first: start_line, last: end_line, model: model_id ?? null, conversation: url ?? null }];
      }),
    ),
  );
}

export type TraceProblem =
  | { readonly ok: true; readonly records: readonly TraceRecord[]; readonly refused: readonly RefusedRecord[] }
  | { readonly ok: false; readonly reason: string };

export interface RefusedRecord {
  /** Position in the file, from 1: a line of JSON lines, an item of an array. */
  readonly at: number;
  readonly reason: string;
}

const MAX_NESTING = 32;

/** Reads one record, an array of records, or JSON lines of them. Records that are wrong are named, not taken. */
export function parseTraces(text: string): TraceProblem {
  const values: { at: number; value: unknown }[] = [];
  const refused: RefusedRecord[] = [];
  const whole = parseJson(text);
  if (whole.ok) {
    const items = Array.isArray(whole.value) ? whole.value : [whole.value];
    items.forEach((value, index) => values.push({ at: index + 1, value }));
  } else {
    for (const [index, line] of text.split("\n").entries()) {
      if (line.trim() === "") continue;
      const parsed = parseJson(line);
      if (parsed.ok) values.push({ at: index + 1, value: parsed.value });
      else refused.push({ at: index + 1, reason: parsed.reason });
    }
  }
  const records: TraceRecord[] = [];
  for (const { at, value } of values) {
    const parsed = traceRecord.safeParse(value);
    if (parsed.success) records.push(parsed.data);
    else {
      const issue = parsed.error.issues[0];
      refused.push({
        at,
        reason: `${issue?.path.map(String).join(".") ?? ""}: ${issue?.message ?? "wrong"}`.slice(0, 300),
      });
    }
  }
  if (records.length === 0) {
    return {
      ok: false,
      reason: refused[0] === undefined ? "there is no record" : `${refused[0].at}: ${refused[0].reason}`,
    };
  }
  return { ok: true, records, refused };
}

function parseJson(text: string): { ok: true; value: unknown } | { ok: false; reason: string } {
  if (nestsDeeperThan(text, MAX_NESTING)) return { ok: false, reason: `it nests deeper than ${MAX_NESTING} levels` };
  try {
    return { ok: true, value: JSON.parse(text) };
  } catch {
    return { ok: false, reason: "it is not JSON" };
  }
}
