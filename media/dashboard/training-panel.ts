import { html, nothing, type TemplateResult } from "lit";
import type { TrainingProgress, TrainingRequest, TrainingRun } from "../../protocol/api.ts";
import type { Answer, Failure, TrainingMove } from "./api-client.ts";
import { isActive } from "./dashboard-state.ts";
import { emptyState, failureNotice } from "./failure-notice.ts";
import { countText, shortId } from "./number-text.ts";
import { adviceFor } from "./problem-advice.ts";
import { durationText, timeText } from "./time-text.ts";
import { visibleText } from "./visible-text.ts";

export interface TrainingPanel {
  readonly runs: readonly TrainingRun[] | null;
  readonly run: TrainingRun | null;
  readonly points: readonly TrainingProgress[];
  readonly moveFailure: Failure | null;
  readonly nowMs: number;
  start(request: TrainingRequest): Promise<Answer<TrainingRun>>;
  move(runId: string, move: TrainingMove): void;
  select(runId: string): void;
}

/** The selected run's curve and figures, the form that starts one, and the list of all. */
export function trainingPanel(panel: TrainingPanel): TemplateResult {
  const { runs, run } = panel;
  return html`<section class="card training" aria-labelledby="training-heading" id="training">
    <div class="card-head">
      <h2 id="training-heading">Training</h2>
      ${run === null ? nothing : runHead(run, panel)}
    </div>
    ${
      run === null
        ? runs === null
          ? html`<p class="quiet">Loading…</p>`
          : emptyState(
              "No training run yet",
              html`Name a folder with a git history below and choose <b>Start training</b>. The first run needs no
                feedback: it learns from code that survived.`,
            )
        : selectedRun(run, panel)
    }
    <kept-training-form .start=${panel.start} .busy=${runs?.some(isActive) ?? false}></kept-training-form>
    ${runs === null || runs.length === 0 ? nothing : runList(runs, panel)}
  </section>`;
}

function runHead(run: TrainingRun, panel: TrainingPanel): TemplateResult {
  return html`<span class="run-head">
    ${stateBadge(run)}
    <code title=${run.id}>${shortId(run.id)}</code>
    <span class="quiet">${timeText(run.createdAt, panel.nowMs)}</span>
    ${canPause(run) ? html`<button class="plain" @click=${() => panel.move(run.id, "pause")}>Pause run</button>` : nothing}
    ${
      run.state === "paused"
        ? html`<button class="plain" @click=${() => panel.move(run.id, "resume")}>Resume run</button>`
        : nothing
    }
    ${
      isActive(run) || run.state === "paused"
        ? html`<button class="plain danger" @click=${() => panel.move(run.id, "cancel")}>Cancel run</button>`
        : nothing
    }
  </span>`;
}

/** What is tested and deployed is done in moments. */
const canPause = (run: TrainingRun): boolean => isActive(run) && run.stage !== "test" && run.stage !== "deploy";

function selectedRun(run: TrainingRun, panel: TrainingPanel): TemplateResult {
  const last = panel.points.at(-1);
  return html`
    ${
      run.error === null
        ? nothing
        : html`<div class="notice bad" role="alert">
            <strong>The run failed in stage ${run.stage}</strong>
            <p>${visibleText(run.error.message)}</p>
            <p>${adviceFor({ status: 0, code: run.error.code })}</p>
            <p class="quiet">Code <code>${visibleText(run.error.code)}</code></p>
          </div>`
    }
    ${panel.moveFailure === null ? nothing : failureNotice("The run stays as it is", panel.moveFailure)}
    ${figures(run, panel.points)}
    ${
      last !== undefined && isActive(run)
        ? html`<progress max=${last.totalSteps} value=${last.step} aria-label="Steps done"></progress>`
        : nothing
    }
    <kept-loss-chart .runId=${run.id} .points=${panel.points}></kept-loss-chart>
    ${
      panel.points.length === 0
        ? html`<p class="quiet">
            ${isActive(run) ? "The curve appears with the first step." : "This run reported no steps."}
          </p>`
        : nothing
    }
  `;
}

function figures(run: TrainingRun, points: readonly TrainingProgress[]): TemplateResult {
  const last = points.at(-1);
  const validation = points.findLast((point) => point.validationLoss !== null)?.validationLoss;
  const seconds = run.finishedAt === null ? null : (Date.parse(run.finishedAt) - Date.parse(run.createdAt)) / 1_000;
  return html`<dl class="figures">
    ${figure("Stage", run.stage)}
    ${figure("Step", last === undefined ? "–" : `${countText(last.step)} / ${countText(last.totalSteps)}`)}
    ${
      run.trainLoss === null
        ? figure("Train loss", last === undefined ? "–" : last.loss.toFixed(3))
        : figure("Train loss", `${run.trainLoss.first.toFixed(2)} → ${run.trainLoss.last.toFixed(2)}`)
    }
    ${figure("Validation loss", typeof validation !== "number" ? "–" : validation.toFixed(3))}
    ${figure("Tokens/s", last === undefined ? "–" : countText(Math.round(last.tokensPerSecond)))}
    ${
      seconds === null
        ? figure("Time left", last === undefined || !isActive(run) ? "–" : durationText(1_000 * last.secondsLeft))
        : figure("Took", durationText(1_000 * seconds))
    }
  </dl>`;
}

function figure(name: string, value: string): TemplateResult {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

function runList(runs: readonly TrainingRun[], panel: TrainingPanel): TemplateResult {
  return html`<h3 id="runs-heading">Runs</h3>
    <div class="scroll run-list" tabindex="0" role="region" aria-labelledby="runs-heading">
      <table>
        <thead>
          <tr>
            <th scope="col">Run</th>
            <th scope="col">State</th>
            <th scope="col">Strategy</th>
            <th scope="col">Started</th>
            <th scope="col" class="number">Train loss</th>
            <th scope="col">Verdict</th>
          </tr>
        </thead>
        <tbody>
          ${runs.map(
            (run) =>
              html`<tr id="run-${run.id}" class=${run.id === panel.run?.id ? "selected" : ""}>
                <td>
                  <button
                    class="link"
                    aria-pressed=${run.id === panel.run?.id}
                    title=${run.id}
                    @click=${() => panel.select(run.id)}
                  >
                    <code>${shortId(run.id)}</code>
                  </button>
                </td>
                <td>${stateBadge(run)}</td>
                <td>${run.strategy}</td>
                <td>${timeText(run.createdAt, panel.nowMs)}</td>
                <td class="number">
                  ${run.trainLoss === null ? "–" : `${run.trainLoss.first.toFixed(2)} → ${run.trainLoss.last.toFixed(2)}`}
                </td>
                <td>${run.evaluation === null ? "–" : run.evaluation.verdict}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
}

function stateBadge(run: TrainingRun): TemplateResult {
  const tone =
    run.state === "succeeded" ? "good" : run.state === "failed" ? "bad" : run.state === "running" ? "active" : "";
  const text = run.state === "running" ? `running: ${run.stage}` : run.state;
  return html`<span class="badge ${tone}">${text}</span>`;
}
