import { z } from "zod";
import { strategy, trainingProgress, trainingRequest } from "../../protocol/api.ts";
import { evaluationReport } from "../../protocol/evaluation.ts";
import { importKind } from "../../protocol/imports.ts";
import { evaluationSample } from "../../protocol/samples.ts";
import { keptEvent } from "../../protocol/events.ts";
import { VERSION_ID } from "./layout.ts";

/**
 * The files of records and the tables that they come from. Names and values are those of the columns;
 * times are milliseconds since 1970. In the order in which they can be stored again.
 */
export interface RecordTable {
  readonly member: string;
  readonly table: string;
  /** In this order a table is written: the same content gives the same bytes. */
  readonly order: string;
  /** Which rows go into an archive; all unless given. */
  readonly where?: string;
  readonly columns: Readonly<Record<string, z.ZodType>>;
  /** Archives of earlier versions do not have it. */
  readonly isOptional?: boolean;
  /** Columns whose text is JSON: in an archive it is a value. */
  readonly json?: readonly string[];
}

const id = z.string().min(1).max(64);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const text = z.string().max(4_096);
const time = z.int();
const count = z.int().nonnegative();
const versionId = z.string().regex(VERSION_ID);
const json = z.unknown();

/** An event as it was stored: `sequence` is the server's order, `received_at` its time. */
export const storedEvent = z.strictObject({ sequence: z.int().positive(), received_at: time, event: keptEvent });

/** What nothing can be computed from again. */
export const TABLES: readonly RecordTable[] = [
  {
    member: "datasets.jsonl",
    table: "datasets",
    order: "created_at, id",
    columns: {
      id,
      created_at: time,
      sha256,
      n_train: count,
      n_validation: count,
      n_test: count,
      sources: z.record(z.string(), z.number()),
      manifest: json,
      /** When its rows were deleted, because their time was over. */
      expired_at: time.nullable(),
    },
    json: ["sources", "manifest"],
  },
  {
    member: "runs.jsonl",
    table: "runs",
    order: "created_at, id",
    columns: {
      id,
      strategy,
      state: z.enum(["succeeded", "failed", "cancelled"]),
      stage: z.enum(["queued", "collect", "train", "test", "deploy", "done"]),
      request: trainingRequest,
      created_at: time,
      finished_at: time.nullable(),
      dataset_id: id.nullable(),
      version_id: versionId.nullable(),
      error_code: z.string().max(64).nullable(),
      error_message: text.nullable(),
      train_loss_first: z.number().nullable(),
      train_loss_last: z.number().nullable(),
    },
    json: ["request"],
  },
  {
    member: "run-points.jsonl",
    table: "run_points",
    order: "run_id, step",
    columns: { run_id: id, step: z.int(), body: trainingProgress },
    json: ["body"],
  },
  {
    member: "versions.jsonl",
    table: "versions",
    order: "created_at, id",
    columns: {
      id: versionId,
      created_at: time,
      base: z.string().max(64),
      run_id: id,
      dataset_id: id,
      champion_before: versionId.nullable(),
      manifest: json,
    },
    json: ["manifest"],
  },
  {
    member: "version-files.jsonl",
    table: "version_files",
    order: "version_id, name",
    columns: {
      version_id: versionId,
      name: z.enum(["adapter_config.json", "adapter_model.safetensors", "README.md"]),
      sha256,
      bytes: count,
    },
  },
  {
    member: "evaluations.jsonl",
    table: "evaluations",
    order: "created_at, id",
    columns: { id, run_id: id, version_id: versionId, created_at: time, report: evaluationReport },
    json: ["report"],
  },
  {
    member: "evaluation-samples.jsonl",
    table: "evaluation_samples",
    order: "run_id, position",
    columns: { run_id: id, position: count, body: evaluationSample },
    json: ["body"],
    isOptional: true,
  },
  {
    member: "imports.jsonl",
    table: "imports",
    order: "imported_at, id",
    columns: {
      id,
      kind: importKind,
      name: z.string().max(256),
      imported_at: time,
      state: z.enum(["held", "accepted", "refused"]),
      is_own: z.int().min(0).max(1),
      decided_at: time.nullable(),
    },
    isOptional: true,
  },
  {
    member: "imported-suggestions.jsonl",
    table: "imported_suggestions",
    order: "suggestion_id",
    columns: { suggestion_id: id, import_id: id },
    isOptional: true,
  },
  {
    member: "imported-events.jsonl",
    table: "imported_events",
    order: "event_id",
    columns: { event_id: id, import_id: id },
    isOptional: true,
  },
  {
    member: "forgotten.jsonl",
    table: "forget_operations",
    order: "requested_at, id",
    columns: {
      id,
      kind: z.enum(["suggestions", "files", "folders", "time", "everything"]),
      requested_at: time,
      finished_at: time,
      n_suggestions: count,
      n_events: count,
      n_scrubbed: count,
    },
  },
  {
    member: "forgotten-suggestions.jsonl",
    table: "forgotten_suggestions",
    order: "suggestion_id",
    columns: { suggestion_id: id, operation_id: id },
  },
  {
    member: "forgotten-events.jsonl",
    table: "forgotten_events",
    order: "event_id",
    columns: { event_id: id },
  },
  {
    member: "forgotten-datasets.jsonl",
    table: "invalid_datasets",
    order: "dataset_id",
    columns: { dataset_id: id, operation_id: id, invalid_at: time },
  },
];

/** What is served, and the user's settings: taken in only where there is nothing yet. */
export const STANDING: readonly RecordTable[] = [
  {
    member: "aliases.jsonl",
    table: "aliases",
    order: "alias",
    columns: { alias: z.enum(["champion", "candidate", "previous"]), version_id: versionId.nullable() },
  },
  {
    member: "alias-history.jsonl",
    table: "alias_history",
    order: "id",
    columns: {
      id: z.int().positive(),
      alias: z.enum(["champion", "candidate", "previous"]),
      from_version: versionId.nullable(),
      to_version: versionId.nullable(),
      reason: text,
      moved_at: time,
    },
  },
  {
    member: "settings.jsonl",
    table: "settings",
    order: "name",
    columns: { name: z.string().max(64), value: json, changed_at: time },
    json: ["value"],
    // A permission to connect is given on the machine that connects.
    where: "name <> 'egress'",
  },
];

/** Computed from events: written for readers, and computed anew by an import. */
export const DERIVED: readonly RecordTable[] = [
  {
    member: "suggestions.jsonl",
    table: "suggestions",
    order: "sequence",
    columns: {
      id,
      shown_at: time,
      source: text,
      root: text,
      path: text,
      language: text,
      line: count,
      completion: z.string(),
      base: text,
      adapter: text.nullable(),
      outcome: text,
      rating: text.nullable(),
      retained: z.number().nullable(),
      survived: z.number().nullable(),
    },
  },
  {
    member: "labels.jsonl",
    table: "labels",
    order: "suggestion_id",
    columns: {
      suggestion_id: id,
      verdict: text,
      probability: z.number(),
      weight: z.number(),
      reasons: json,
      version: text,
    },
    json: ["reasons"],
  },
  {
    member: "examples.jsonl",
    table: "examples",
    // The newest example comes last: an import computes them in this order again.
    order: "revision, suggestion_id",
    columns: { suggestion_id: id, root: text, path: text, language: text, text: z.string() },
  },
];

export const EVENTS_MEMBER = "events.jsonl";
const ALL = [...TABLES, ...STANDING, ...DERIVED];
export const RECORD_MEMBERS: readonly string[] = [EVENTS_MEMBER, ...ALL.map(({ member }) => member)];
/** Those that every archive has. */
export const NEEDED_MEMBERS: readonly string[] = [
  EVENTS_MEMBER,
  ...ALL.filter(({ isOptional }) => isOptional !== true).map(({ member }) => member),
];

/** A row of a table as a record of an archive. */
export function toRecord(table: RecordTable, row: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isJson = new Set(table.json ?? []);
  return Object.fromEntries(
    Object.keys(table.columns).map((name) => [name, isJson.has(name) ? JSON.parse(row[name] as string) : row[name]]),
  );
}

/** A record as values to bind. */
export function toRow(table: RecordTable, record: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isJson = new Set(table.json ?? []);
  return Object.fromEntries(
    Object.keys(table.columns).map((name) => [name, isJson.has(name) ? JSON.stringify(record[name]) : record[name]]),
  );
}

/** What a record of the table has to be. */
export const recordOf = (table: RecordTable): z.ZodType<Record<string, unknown>> => z.strictObject(table.columns);
