import { html, type TemplateResult } from "lit";
import type { TrainingProgress, TrainingRun } from "../../protocol/api.ts";
import type { DashboardData } from "./dashboard-state.ts";
import { countText, nounText, shortId } from "./number-text.ts";

export type StageName = "suggest" | "observe" | "collect" | "train" | "test" | "deploy";
export type StageState = "idle" | "active" | "done" | "failed";

const STAGES: readonly StageName[] = ["suggest", "observe", "collect", "train", "test", "deploy"];

/** The six stages as a ring, with what stands at each and where the run is now. */
export function loopDiagram(data: DashboardData, run: TrainingRun | null): TemplateResult {
  const progress = run === null ? undefined : data.curves.get(run.id)?.at(-1);
  return html`<nav class="loop" aria-label="The loop">
    <ol>
      ${STAGES.map((stage, index) => {
        const state = stageState(stage, run, data);
        return html`<li class="stage ${state}" aria-current=${state === "active" ? "step" : "false"}>
          <a href=${STAGE_TARGETS[stage]}>
            <span class="node" aria-hidden="true"
              >${state === "done" ? "✓" : state === "failed" ? "✕" : index + 1}</span
            >
            <span class="stage-name">${stage}</span>
            <span class="stage-detail">${stageDetail(stage, data, run, progress)}</span>
            <span class="sr-only">${STATE_WORDS[state]}</span>
          </a>
        </li>`;
      })}
    </ol>
    <div class="loop-back" aria-hidden="true"><span>and again, with what was learnt</span></div>
  </nav>`;
}

const STAGE_TARGETS: Readonly<Record<StageName, string>> = {
  suggest: "#suggestions",
  observe: "#suggestions",
  collect: "#datasets",
  train: "#training",
  test: "#verdict",
  deploy: "#versions",
};

const STATE_WORDS: Readonly<Record<StageState, string>> = {
  idle: "",
  active: "in progress",
  done: "done in this run",
  failed: "ended here",
};

/** State of one stage: of the run for the last four, of the counts for the first two. */
export function stageState(stage: StageName, run: TrainingRun | null, data: Pick<DashboardData, "status">): StageState {
  if (stage === "suggest") return (data.status?.suggestions ?? 0) > 0 ? "done" : "idle";
  if (stage === "observe") return (data.status?.events ?? 0) > 0 ? "done" : "idle";
  if (run === null || run.stage === "queued") return "idle";
  const order = STAGES.indexOf(stage);
  if (run.state === "succeeded") return stage === "deploy" && run.evaluation?.verdict === "refuse" ? "idle" : "done";
  const reached = run.stage === "done" ? STAGES.length : STAGES.indexOf(run.stage);
  if (order < reached) return "done";
  if (order > reached) return "idle";
  return run.state === "running" ? "active" : run.state === "queued" ? "idle" : "failed";
}

function stageDetail(
  stage: StageName,
  data: DashboardData,
  run: TrainingRun | null,
  progress: TrainingProgress | undefined,
): string {
  const { status } = data;
  if (status === null) return "–";
  switch (stage) {
    case "suggest":
      return nounText(status.suggestions, "suggestion");
    case "observe":
      return nounText(status.events, "event");
    case "collect":
      return `${countText(status.labels.good)} good, ${countText(status.labels.bad)} bad`;
    case "train":
      if (run === null) return "no run yet";
      if (run.stage === "train" && progress !== undefined) return `step ${progress.step} of ${progress.totalSteps}`;
      if (run.trainLoss !== null) return `loss ${run.trainLoss.first.toFixed(2)} → ${run.trainLoss.last.toFixed(2)}`;
      return run.state === "queued" ? "queued" : run.state;
    case "test":
      if (run?.evaluation) return run.evaluation.verdict === "promote" ? "challenger won" : "challenger refused";
      return run?.stage === "test" && run.state === "running" ? "comparing" : "no verdict yet";
    case "deploy":
      return status.champion === null ? "base model serves" : `${shortId(status.champion)} serves`;
  }
}
