import type { AliasName, ArtefactFile, ModelVersionRow } from "../../protocol/api.ts";
import type { EvaluationReport } from "../../protocol/evaluation.ts";
import { isoTime } from "../clock.ts";
import type { Db } from "./database.ts";

export interface VersionRecord {
  readonly id: string;
  readonly createdAt: number;
  readonly base: string;
  readonly runId: string;
  readonly datasetId: string;
  /** Champion when the version was made. */
  readonly championBefore: string | null;
  readonly files: readonly ArtefactFile[];
  readonly manifest: unknown;
}

/** The parts of a manifest that are asked for. Versions of earlier servers, and of other models, have no model. */
export interface VersionManifest {
  readonly hyperParameters?: Record<string, unknown>;
  readonly model?: { readonly name: string; readonly file: string; readonly sha256: string; readonly config: unknown };
}

export interface AliasMoveRecord {
  readonly alias: AliasName;
  readonly from: string | null;
  readonly to: string | null;
  readonly reason: string;
  readonly movedAt: string;
}

export interface VersionStore {
  /** Adds an immutable version; the same id again is no change. */
  put(record: VersionRecord): void;
  get(id: string): ModelVersionRow | null;
  championBefore(id: string): string | null;
  /** What the version was made from, as it was registered; null for one that is not known. */
  manifest(id: string): VersionManifest | null;
  list(limit: number): ModelVersionRow[];
  hasFile(sha256: string): boolean;
  putEvaluation(runId: string, versionId: string, report: EvaluationReport, createdAt: number): void;
  alias(name: AliasName): string | null;
  aliases(): { alias: AliasName; version: string | null }[];
  /**
   * Moves an alias from `expected` to `to` with its history row in one transaction; false when the
   * alias stands elsewhere. Moving `champion` sets `previous` to where it stood.
   */
  moveAlias(
    move: { alias: AliasName; expected: string | null; to: string | null; reason: string },
    at: number,
  ): boolean;
  history(limit: number): AliasMoveRecord[];
  /** When the champion moved last, milliseconds since 1970; null when it never did. */
  championSince(): number | null;
}

export function openVersionStore(db: Db): VersionStore {
  const put = db.prepare(`
    INSERT INTO versions (id, created_at, base, run_id, dataset_id, champion_before, manifest)
    VALUES (@id, @createdAt, @base, @runId, @datasetId, @championBefore, @manifest) ON CONFLICT (id) DO NOTHING`);
  const putFile = db.prepare(`
    INSERT INTO version_files (version_id, name, sha256, bytes) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`);
  const select = `
    SELECT v.*, (SELECT e.report FROM evaluations e WHERE e.version_id = v.id ORDER BY e.created_at DESC LIMIT 1) AS report,
      EXISTS (SELECT 1 FROM invalid_datasets i WHERE i.dataset_id = v.dataset_id) AS tainted
    FROM versions v`;
  const one = db.prepare(`${select} WHERE v.id = ?`);
  const list = db.prepare(`${select} ORDER BY v.created_at DESC, v.id LIMIT ?`);
  const files = db.prepare("SELECT name, sha256, bytes FROM version_files WHERE version_id = ? ORDER BY name");
  const standing = db.prepare("SELECT alias FROM aliases WHERE version_id = ? ORDER BY alias").pluck();
  const championBefore = db.prepare("SELECT champion_before FROM versions WHERE id = ?").pluck();
  const manifest = db.prepare("SELECT manifest FROM versions WHERE id = ?").pluck();
  const hasFile = db.prepare("SELECT 1 FROM version_files WHERE sha256 = ? LIMIT 1").pluck();
  const putEvaluation = db.prepare(`
    INSERT INTO evaluations (id, run_id, version_id, created_at, report) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (run_id) DO UPDATE SET
      id = excluded.id, version_id = excluded.version_id, created_at = excluded.created_at, report = excluded.report`);
  const alias = db.prepare("SELECT version_id FROM aliases WHERE alias = ?").pluck();
  const swap = db.prepare("UPDATE aliases SET version_id = @to WHERE alias = @alias AND version_id IS @expected");
  const remember = db.prepare(`
    INSERT INTO alias_history (alias, from_version, to_version, reason, moved_at)
    VALUES (@alias, @expected, @to, @reason, @at)`);

  const move: VersionStore["moveAlias"] = (request, at) => {
    if (swap.run({ alias: request.alias, to: request.to, expected: request.expected }).changes === 0) return false;
    remember.run({ ...request, at });
    return true;
  };
  const toWire = (row: StoredVersion): ModelVersionRow => ({
    id: row.id,
    createdAt: isoTime(row.created_at),
    base: row.base,
    runId: row.run_id,
    datasetId: row.dataset_id,
    files: files.all(row.id) as ArtefactFile[],
    aliases: standing.all(row.id) as string[],
    evaluation: row.report === null ? null : (JSON.parse(row.report) as EvaluationReport),
    ...(row.tainted === 1 ? { tainted: true } : {}),
  });

  return {
    put: db.transaction((record: VersionRecord) => {
      put.run({ ...record, files: undefined, manifest: JSON.stringify(record.manifest) });
      for (const file of record.files) putFile.run(record.id, file.name, file.sha256, file.bytes);
    }),
    get(id) {
      const row = one.get(id) as StoredVersion | undefined;
      return row ? toWire(row) : null;
    },
    championBefore: (id) => (championBefore.get(id) as string | null | undefined) ?? null,
    manifest(id) {
      const text = manifest.get(id) as string | undefined;
      return text === undefined ? null : (JSON.parse(text) as VersionManifest);
    },
    list: (limit) => (list.all(limit) as StoredVersion[]).map(toWire),
    hasFile: (sha256) => hasFile.get(sha256) !== undefined,
    putEvaluation(runId, versionId, report, createdAt) {
      putEvaluation.run(report.id, runId, versionId, createdAt, JSON.stringify(report));
    },
    alias: (name) => alias.get(name) as string | null,
    aliases: () =>
      db.prepare("SELECT alias, version_id AS version FROM aliases ORDER BY alias").all() as ReturnType<
        VersionStore["aliases"]
      >,
    moveAlias: db.transaction((request: Parameters<VersionStore["moveAlias"]>[0], at: number) => {
      if (!move(request, at)) return false;
      if (request.alias === "champion" && request.expected !== request.to) {
        const expected = alias.get("previous") as string | null;
        move({ alias: "previous", expected, to: request.expected, reason: request.reason }, at);
      }
      return true;
    }),
    championSince: () =>
      db.prepare("SELECT max(moved_at) FROM alias_history WHERE alias = 'champion'").pluck().get() as number | null,
    history: (limit) =>
      (
        db
          .prepare(`
            SELECT alias, from_version AS "from", to_version AS "to", reason, moved_at AS movedAt
            FROM alias_history ORDER BY id DESC LIMIT ?`)
          .all(limit) as (Omit<AliasMoveRecord, "movedAt"> & { movedAt: number })[]
      ).map((row) => ({ ...row, movedAt: isoTime(row.movedAt) })),
  };
}

interface StoredVersion {
  id: string;
  created_at: number;
  base: string;
  run_id: string;
  dataset_id: string;
  report: string | null;
  tainted: number;
}
