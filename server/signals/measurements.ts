import * as z from "zod";
import { insidePath, oneLine } from "../../protocol/fields.ts";
import { AppError } from "../errors.ts";
import { describeIssues } from "../http/body.ts";

const MAX_MEASUREMENTS = 1_000;
/** A smaller change is taken for noise unless the report says how large that is. */
const DEFAULT_NOISE = 0.05;

const measurement = z
  .object({
    name: oneLine(256),
    path: insidePath,
    /** `10-24` or a name that is declared in the file. */
    lines: z
      .string()
      .regex(/^\d{1,8}(?:-\d{1,8})?$/)
      .optional(),
    function: oneLine(256).optional(),
    before: z.number().positive(),
    after: z.number().positive(),
    better: z.enum(["lower", "higher"]).default("lower"),
    /** Relative change that means nothing, 0.05 unless given. */
    noise: z.number().min(0).max(1).default(DEFAULT_NOISE),
  })
  .refine((one) => one.lines !== undefined || one.function !== undefined, "it names neither lines nor a function");
export type Measurement = z.infer<typeof measurement>;

const report = z.object({ measurements: z.array(measurement).min(1).max(MAX_MEASUREMENTS) });

/** Reads `{"measurements": [{name, path, function | lines, before, after}]}`. @throws AppError `report-invalid` */
export function parseMeasurements(text: string): Measurement[] {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AppError("report-invalid", "These are no measurements: it is no JSON.", { cause });
  }
  const parsed = report.safeParse(json);
  if (!parsed.success) {
    throw new AppError("report-invalid", `These are no measurements: ${describeIssues(parsed.error)}.`);
  }
  return parsed.data.measurements;
}

/** Whether it got worse or better by more than noise; null when it did neither. */
export function verdictOf({ before, after, better, noise }: Measurement): "slower" | "faster" | null {
  const gain = better === "lower" ? before / after : after / before;
  if (gain > 1 + noise) return "faster";
  return gain < 1 / (1 + noise) ? "slower" : null;
}

/**
 * Lines of a declaration, counted from 1: from the line that declares the name to the last one that is indented
 * deeper, and the closing bracket. Null when nothing declares it.
 */
export function declarationLines(text: string, name: string): { first: number; last: number } | null {
  const lines = text.split("\n");
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const declares = new RegExp(
    String.raw`(?:\b(?:function|class|def|fn|func|const|let|var|interface|type|enum)\s*\*?\s+|^\s*(?:(?:public|private|protected|static|async|get|set|readonly|override)\s+)*[*#]?)${escaped}\s*(?:[=:(<{]|$|\s*extends\b)`,
    "u",
  );
  const first = lines.findIndex((line) => declares.test(line));
  if (first === -1) return null;
  const depth = indentation(lines[first]!);
  let last = first;
  for (let at = first + 1; at < lines.length; at += 1) {
    const line = lines[at]!;
    if (line.trim() === "") continue;
    if (indentation(line) > depth) last = at;
    else {
      // What closes the parameters goes on with the body; what closes the body ends it.
      if (indentation(line) < depth || !/^\s*[)\]}]/.test(line)) break;
      last = at;
      if (!/[{:]\s*$|=>\s*$/.test(line)) break;
    }
  }
  return { first: first + 1, last: last + 1 };
}

const indentation = (line: string): number => /^\s*/.exec(line)![0].replaceAll("\t", "    ").length;
