import * as z from "zod";
import { importOrigin } from "./imports.ts";
import { absoluteFolder, commitHash, insidePath, oneLine } from "./fields.ts";

/** Code that another tool generated, reported so that it is followed and learned from like Kept's own. */

/** Limits of one request. */
export const MAX_GENERATIONS_PER_REQUEST = 100;
/** One generation, UTF-16 units. It is kept in pieces that each fit an event. */
export const MAX_GENERATION_CHARS = 65_536;

export const generation = z.object({
  /** The reporting tool's own id: reporting it again is a duplicate. Without it the `Idempotency-Key` counts. */
  id: oneLine(256).optional(),
  /** Who generated it: `copilot`, `claude`, `cursor`. */
  tool: oneLine(64),
  /** The model as the tool names it, or null when not known. */
  model: oneLine(250).nullable().default(null),
  /** The tool's session or conversation: generations of one are alike, and are counted together. */
  session: oneLine(256).nullable().default(null),
  /** Absolute path of the workspace folder. */
  root: absoluteFolder,
  path: insidePath,
  /** VS Code's identifier of the language; known from the path when left out. */
  language: oneLine(64).optional(),
  /** Line that the text begins on, counted from 1. */
  line: z.int().min(1).max(10_000_000),
  text: z.string().min(1).max(MAX_GENERATION_CHARS),
  /** What it replaced; "" for an insertion. */
  replaced: z.string().max(MAX_GENERATION_CHARS).optional(),
  /** The file before and after it: what a model would have seen. */
  prefix: z.string().max(MAX_GENERATION_CHARS).default(""),
  suffix: z.string().max(MAX_GENERATION_CHARS).default(""),
  /** When it was put into the file; now when left out. */
  at: z.iso.datetime({ offset: true }).optional(),
  /** Commit that holds it, when that is known. */
  commit: commitHash.optional(),
});
export type Generation = z.infer<typeof generation>;

/** `POST /v1/generations`, with `Idempotency-Key: <text>` or an `id` in each generation. */
export const generationRequest = z.object({
  generations: z.array(generation).min(1).max(MAX_GENERATIONS_PER_REQUEST),
  /** For what was read from a file or from notes: it is held until a person accepts the import. */
  import: importOrigin.optional(),
});

export const generationResult = z.object({
  id: z.string().nullable(),
  status: z.enum(["accepted", "duplicate", "rejected"]),
  reason: z.string().optional(),
  /** One a piece, in the order of the text: what `kept survival show` and `kept why` take. */
  suggestionIds: z.array(z.string()),
});
export const generationResponse = z.object({ results: z.array(generationResult) });
export type GenerationResult = z.infer<typeof generationResult>;
