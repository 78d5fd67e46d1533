import { evaluationSample, type EvaluationSample } from "../../protocol/samples.ts";
import type { Db } from "./database.ts";

/** Places of tests with what was written there. They go with the dataset that they are from. */
export interface SampleStore {
  /** Puts the samples of a run in the place of those that it had. Belongs into a transaction. */
  put(runId: string, samples: readonly EvaluationSample[]): void;
  ofRun(runId: string): EvaluationSample[];
  deleteWhere(isGone: (sample: EvaluationSample) => boolean): void;
}

export function openSampleStore(db: Db): SampleStore {
  const add = db.prepare("INSERT INTO evaluation_samples (run_id, position, body) VALUES (?, ?, ?)");
  const clear = db.prepare("DELETE FROM evaluation_samples WHERE run_id = ?");
  const ofRun = db.prepare("SELECT body FROM evaluation_samples WHERE run_id = ? ORDER BY position").pluck();
  const all = db.prepare("SELECT run_id, position, body FROM evaluation_samples");
  const remove = db.prepare("DELETE FROM evaluation_samples WHERE run_id = ? AND position = ?");
  return {
    put(runId, samples) {
      clear.run(runId);
      for (const [position, sample] of samples.entries()) add.run(runId, position, JSON.stringify(sample));
    },
    ofRun: (runId) => (ofRun.all(runId) as string[]).map(parse),
    deleteWhere(isGone) {
      for (const { run_id: run, position, body } of all.all() as StoredSample[])
        if (isGone(parse(body))) remove.run(run, position);
    },
  };
}

interface StoredSample {
  run_id: string;
  position: number;
  body: string;
}

const parse = (body: string): EvaluationSample => evaluationSample.parse(JSON.parse(body));
