import * as z from "zod";
import { suggestionRow } from "./api.ts";

/** Suggestions that a person is asked about, and what the person says. */

/** `GET /v1/annotations/queue`: first where the signals disagree most, then where they say too little. */
export const annotationTask = z.object({
  suggestion: suggestionRow,
  /** How far its signals speak against each other, in log-odds. */
  disagreement: z.number(),
  /** The end of what stood before the cursor, and the beginning of what stood behind it. */
  before: z.string(),
  after: z.string(),
  /** What was written in its place; null when that is not known. */
  typedInstead: z.string().nullable(),
});
export type AnnotationTask = z.infer<typeof annotationTask>;

export const annotationQueue = z.object({
  tasks: z.array(annotationTask),
  /** All that could be asked about, of the newest suggestions. */
  waiting: z.int(),
});
export type AnnotationQueue = z.infer<typeof annotationQueue>;

/** `POST /v1/annotations`: a human verdict, as by the thumbs in the editor; `withdrawn` takes it back. */
export const annotation = z.object({
  suggestionId: z.uuidv7(),
  verdict: z.enum(["up", "down", "withdrawn"]),
  reason: z.enum(["wrong", "insecure", "style", "outdated-api", "too-long", "other"]).optional(),
});
export type Annotation = z.infer<typeof annotation>;
