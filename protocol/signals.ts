import * as z from "zod";
import { absoluteFolder, commitHash, insidePath, oneLine } from "./fields.ts";

/**
 * What tests, errors, measurements and reviewers say of lines of code at a commit. Each is shared among the
 * suggestions whose tokens stand on those lines, wherever they were when they were accepted.
 */

/** Limits of one request. */
export const MAX_SIGNALS_PER_REQUEST = 1_000;
/** Runs of lines that one signal names. */
const MAX_RANGES = 20_000;

/** Lines of a file, both ends included, counted from 1. */
export const codeLines = z
  .object({
    path: insidePath,
    first: z.int().min(1).max(10_000_000),
    last: z.int().min(1).max(10_000_000),
  })
  .refine(({ first, last }) => first <= last, "the last line comes before the first");
export type CodeLines = z.infer<typeof codeLines>;

const fields = {
  /** Of the test, the error's class, the benchmark or the reviewer: never a message, which may hold data. */
  name: oneLine(256),
  lines: z.array(codeLines).min(1).max(MAX_RANGES),
};

/** `slower` and `faster` are a measurement's, whatever it measures: worse and better than before. */
export const codeVerdict = z.enum([
  "test-passed",
  "test-failed",
  "error",
  "slower",
  "faster",
  "approved",
  "changes-requested",
]);
export type CodeVerdict = z.infer<typeof codeVerdict>;

export const codeSignal = z.object({ verdict: codeVerdict, ...fields });
export type CodeSignal = z.infer<typeof codeSignal>;

/** `POST /v1/signals`. The same signals of the same commit and time are taken once. */
export const signalRequest = z.object({
  /** Absolute path of the repository. */
  root: absoluteFolder,
  /** The commit that the lines are of; where HEAD stands when left out. */
  commit: commitHash.optional(),
  /** When it was seen; the commit's own time when left out. */
  at: z.iso.datetime({ offset: true }).optional(),
  signals: z.array(codeSignal).min(1).max(MAX_SIGNALS_PER_REQUEST),
});
export type SignalRequest = z.infer<typeof signalRequest>;

export const attributedSignal = z.object({
  verdict: codeVerdict,
  name: z.string(),
  /** Lines on which no suggestion stands; their part of the signal is dropped. */
  linesWithout: z.int().nonnegative(),
  /** Who wrote the others, with each one's share by tokens; empty when the signal was dropped as a whole. */
  suggestions: z.array(z.object({ id: z.string(), share: z.number() })),
});
export type AttributedSignal = z.infer<typeof attributedSignal>;

export const signalResponse = z.object({
  commit: z.string(),
  /** Suggestions of the repository that were looked for. */
  followed: z.int().nonnegative(),
  /** Events stored; those that were there before are not counted. */
  stored: z.int().nonnegative(),
  /** Signals that hit no suggestion. */
  dropped: z.int().nonnegative(),
  signals: z.array(attributedSignal),
});
export type SignalResponse = z.infer<typeof signalResponse>;
