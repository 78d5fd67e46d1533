import { type TrainingProgress, type TrainingRequest, trainingRequest, type TrainingRun } from "../../protocol/api.ts";
import type { EvaluationReport } from "../../protocol/evaluation.ts";
import { isoTime } from "../clock.ts";
import type { Db } from "./database.ts";

export interface RunStore {
  create(run: { id: string; request: TrainingRequest; createdAt: number }): void;
  get(id: string): TrainingRun | null;
  request(id: string): TrainingRequest | null;
  list(limit: number): TrainingRun[];
  /** Id of the run that is running or, failing that, waits; null when none does. */
  active(): string | null;
  /** Ids of the runs that a person has paused. */
  paused(): string[];
  /** How many there are in each state. */
  counts(): Record<string, number>;
  moveTo(id: string, stage: TrainingRun["stage"], state: TrainingRun["state"]): void;
  setDataset(id: string, datasetId: string): void;
  setTrained(id: string, versionId: string, trainLoss: { first: number; last: number }): void;
  /** Ends a run; a run that has ended stays as it is. */
  finish(
    id: string,
    state: "succeeded" | "failed" | "cancelled",
    finishedAt: number,
    error: { code: string; message: string } | null,
  ): void;
  addPoint(point: TrainingProgress): void;
  curve(id: string): TrainingProgress[];
}

export function openRunStore(db: Db): RunStore {
  const select = "SELECT r.*, e.report FROM runs r LEFT JOIN evaluations e ON e.run_id = r.id";
  const create = db.prepare(`
    INSERT INTO runs (id, strategy, state, stage, request, created_at) VALUES (?, ?, 'queued', 'queued', ?, ?)`);
  const one = db.prepare(`${select} WHERE r.id = ?`);
  const request = db.prepare("SELECT request FROM runs WHERE id = ?").pluck();
  const list = db.prepare(`${select} ORDER BY r.created_at DESC, r.id DESC LIMIT ?`);
  const active = db
    .prepare(`
      SELECT id FROM runs WHERE state IN ('running', 'queued')
      ORDER BY state = 'running' DESC, created_at, id LIMIT 1`)
    .pluck();
  const paused = db.prepare("SELECT id FROM runs WHERE state = 'paused' ORDER BY created_at, id").pluck();
  const moveTo = db.prepare("UPDATE runs SET stage = ?, state = ? WHERE id = ?");
  const setDataset = db.prepare("UPDATE runs SET dataset_id = ? WHERE id = ?");
  const setTrained = db.prepare(
    "UPDATE runs SET version_id = ?, train_loss_first = ?, train_loss_last = ? WHERE id = ?",
  );
  const finish = db.prepare(`
    UPDATE runs SET state = @state, stage = CASE WHEN @state = 'succeeded' THEN 'done' ELSE stage END,
      finished_at = @finishedAt, error_code = @code, error_message = @message
    WHERE id = @id AND state IN ('queued', 'running', 'paused')`);
  const addPoint = db.prepare(`
    INSERT INTO run_points (run_id, step, body) VALUES (?, ?, ?)
    ON CONFLICT (run_id, step) DO UPDATE SET body = excluded.body`);
  const curve = db.prepare("SELECT body FROM run_points WHERE run_id = ? ORDER BY step").pluck();

  return {
    create: ({ id, request, createdAt }) => void create.run(id, request.strategy, JSON.stringify(request), createdAt),
    get(id) {
      const row = one.get(id) as StoredRun | undefined;
      return row ? toWire(row) : null;
    },
    request(id) {
      const body = request.get(id) as string | undefined;
      // Parsed: a request of an earlier version has not all of today's keys.
      return body === undefined ? null : trainingRequest.parse(JSON.parse(body));
    },
    list: (limit) => (list.all(limit) as StoredRun[]).map(toWire),
    counts: () =>
      Object.fromEntries(
        db.prepare("SELECT state, count(*) FROM runs GROUP BY state").raw().all() as [string, number][],
      ),
    paused: () => paused.all() as string[],
    active: () => (active.get() as string | undefined) ?? null,
    moveTo: (id, stage, state) => void moveTo.run(stage, state, id),
    setDataset: (id, datasetId) => void setDataset.run(datasetId, id),
    setTrained: (id, versionId, { first, last }) => void setTrained.run(versionId, first, last, id),
    finish(id, state, finishedAt, error) {
      finish.run({ id, state, finishedAt, code: error?.code ?? null, message: error?.message ?? null });
    },
    addPoint: (point) => void addPoint.run(point.runId, point.step, JSON.stringify(point)),
    curve: (id) => (curve.all(id) as string[]).map((body) => JSON.parse(body) as TrainingProgress),
  };
}

interface StoredRun {
  id: string;
  strategy: TrainingRun["strategy"];
  state: TrainingRun["state"];
  stage: TrainingRun["stage"];
  created_at: number;
  finished_at: number | null;
  dataset_id: string | null;
  version_id: string | null;
  error_code: string | null;
  error_message: string | null;
  train_loss_first: number | null;
  train_loss_last: number | null;
  report: string | null;
}

const toWire = (row: StoredRun): TrainingRun => ({
  id: row.id,
  strategy: row.strategy,
  state: row.state,
  stage: row.stage,
  createdAt: isoTime(row.created_at),
  finishedAt: row.finished_at === null ? null : isoTime(row.finished_at),
  datasetId: row.dataset_id,
  versionId: row.version_id,
  error: row.error_code === null ? null : { code: row.error_code, message: row.error_message ?? "" },
  trainLoss:
    row.train_loss_first === null || row.train_loss_last === null
      ? null
      : { first: row.train_loss_first, last: row.train_loss_last },
  evaluation: row.report === null ? null : (JSON.parse(row.report) as EvaluationReport),
});
