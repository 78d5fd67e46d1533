import * as z from "zod";
import { AppError } from "../errors.ts";
import { describeIssues } from "../http/body.ts";

/** A line that an error came through, as its own machine names the file. */
export interface Frame {
  readonly file: string;
  readonly line: number;
}

/** One error as it was recorded where the program runs. Its message is not read. */
export interface ErrorEvent {
  readonly name: string;
  readonly commit: string | null;
  /** ISO time, or null. */
  readonly at: string | null;
  readonly frames: readonly Frame[];
}

/** The innermost frames say where it went wrong; those far out are the program's main loop. */
const MAX_FRAMES = 8;
const MAX_EVENTS = 10_000;

const frame = z.object({ file: z.string().min(1).max(4_096), line: z.int().min(1).max(10_000_000) });
const errorEvent = z.object({
  name: z.string().min(1).max(256).optional(),
  /** The error's first word, when there is no name: `TypeError: …`. */
  stack: z.string().max(65_536).optional(),
  /** Innermost first. */
  frames: z.array(frame).max(1_000).optional(),
  commit: z
    .string()
    .regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/)
    .optional(),
  at: z.iso.datetime({ offset: true }).optional(),
});

/**
 * Reads errors, one JSON object a line: a name with frames, or a stack trace of JavaScript or Python as text.
 * @throws AppError `report-invalid`
 */
export function parseErrorEvents(text: string): ErrorEvent[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  if (lines.length > MAX_EVENTS) {
    throw new AppError("too-large", `There are more than ${MAX_EVENTS} errors.`, { hint: "Report them in parts." });
  }
  return lines.map((line, index) => {
    const invalid = (what: string) => new AppError("report-invalid", `Line ${index + 1} is no error event: ${what}.`);
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      throw invalid("it is no JSON");
    }
    const parsed = errorEvent.safeParse(json);
    if (!parsed.success) throw invalid(describeIssues(parsed.error));
    const { name, stack, frames, commit, at } = parsed.data;
    if (frames === undefined && stack === undefined) throw invalid("it has neither frames nor a stack");
    return {
      name: name ?? (stack === undefined ? "error" : nameIn(stack)),
      commit: commit ?? null,
      at: at ?? null,
      frames: (frames ?? framesIn(stack!)).slice(0, MAX_FRAMES),
    };
  });
}

const PYTHON_FRAME = /^\s*File "(.+)", line (\d+)/;
/** `at f (file:1:2)` or `at file:1:2`. */
const V8_FRAME = /^\s*at (?:[^()]*\()?(?:async )?([^()\s][^()]*?):(\d+)(?::\d+)?\)?\s*$/;
/** `f@file:1:2`, of Firefox and Safari. */
const OTHER_FRAME = /^\s*[^\s@]*@(\S+?):(\d+)(?::\d+)?\s*$/;

/** Frames of a stack trace, innermost first: V8, SpiderMonkey and JavaScriptCore put them so, Python the other way. */
export function framesIn(stack: string): Frame[] {
  const frames: Frame[] = [];
  let isPython = false;
  for (const line of stack.split("\n")) {
    const python = PYTHON_FRAME.exec(line);
    const script = python ?? V8_FRAME.exec(line) ?? OTHER_FRAME.exec(line);
    if (script === null) continue;
    isPython ||= python !== null;
    const file = script[1]!.replace(/^file:\/\//, "");
    if (!file.startsWith("node:")) frames.push({ file, line: Number(script[2]) });
  }
  return isPython ? frames.reverse() : frames;
}

/** `TypeError` of `TypeError: x is not a function`, or of the last line of a Python trace. */
function nameIn(stack: string): string {
  const lines = stack.split("\n").filter((line) => line.trim() !== "");
  for (const line of [lines[0], lines.at(-1)]) {
    const name = /^(?:Uncaught )?([\p{L}_$][\p{L}\p{N}_$.]{0,127})(?::|$)/u.exec(line?.trim() ?? "")?.[1];
    if (name !== undefined) return name;
  }
  return "error";
}
