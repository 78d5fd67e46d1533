import * as z from "zod";
import type { CodeSignal } from "../../protocol/signals.ts";
import { AppError } from "../errors.ts";
import { describeIssues } from "../http/body.ts";
import type { ReportSignals } from "./report-signals.ts";
import type { TreePaths } from "./tree-paths.ts";

const MAX_REMARKS = 10_000;

/** A remark on lines, as code hosts list them; other fields are passed over, and so is what it says. */
const remark = z.object({
  path: z.string().min(1).max(4_096),
  line: z.int().min(1).max(10_000_000),
  /** First line, when the remark is about several. */
  start_line: z.int().min(1).max(10_000_000).nullish(),
  state: z.enum(["approved", "changes-requested", "APPROVED", "CHANGES_REQUESTED"]),
  /** Who said so: the name, or an object with `login`. */
  reviewer: z.string().max(128).optional(),
  user: z.object({ login: z.string().max(128) }).optional(),
});
export type Remark = z.infer<typeof remark>;

/** Reads a JSON array of remarks. @throws AppError `report-invalid` */
export function parseReview(text: string): Remark[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AppError("report-invalid", "This is no review: it is no JSON.", { cause });
  }
  const parsed = z.array(remark).min(1).max(MAX_REMARKS).safeParse(json);
  if (!parsed.success) throw new AppError("report-invalid", `This is no review: ${describeIssues(parsed.error)}.`);
  return parsed.data;
}

export function reviewSignals(remarks: readonly Remark[], paths: TreePaths): ReportSignals {
  const unknown = new Set<string>();
  const signals = remarks.flatMap(({ path: named, line, start_line: start, state, reviewer, user }): CodeSignal[] => {
    const path = paths.find(named);
    if (path === null) {
      unknown.add(named);
      return [];
    }
    const verdict = state.toLowerCase() === "approved" ? "approved" : "changes-requested";
    const name = reviewer ?? user?.login ?? "a reviewer";
    return [{ verdict, name, lines: [{ path, first: Math.min(start ?? line, line), last: line }] }];
  });
  return { signals, unknown: [...unknown] };
}
