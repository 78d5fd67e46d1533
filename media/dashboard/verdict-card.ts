import { html, nothing, type TemplateResult } from "lit";
import type { TrainingRun } from "../../protocol/api.ts";
import type { EvaluationReport } from "../../protocol/evaluation.ts";
import { emptyState } from "./failure-notice.ts";
import { intervalName, intervalPlot } from "./interval-plot.ts";
import { countText, percentText, shortId, signedText } from "./number-text.ts";
import { visibleText } from "./visible-text.ts";

/** Challenger against champion on the same later cases, and what followed from it. */
export function verdictCard(run: TrainingRun | null): TemplateResult {
  return html`<section class="card verdict" aria-labelledby="verdict-heading" id="verdict">
    <h2 id="verdict-heading">Verdict</h2>
    ${run?.evaluation ? report(run.evaluation) : withoutReport(run)}
  </section>`;
}

function withoutReport(run: TrainingRun | null): TemplateResult {
  if (run === null)
    return emptyState("No verdict yet", "Start a training run: its result meets the serving champion here.");
  if (run.state === "failed")
    return emptyState("No verdict", "The run failed before the test. The reason stands beside its curve.");
  if (run.state === "cancelled") return emptyState("No verdict", "The run was cancelled before the test.");
  if (run.state === "succeeded") return emptyState("No verdict", "The run finished without a test report.");
  return emptyState("Not tested yet", "After training, the challenger meets the champion on code written later.");
}

/** Too few cases say less than the figures look like. */
function casesText({ cases, neededCases }: EvaluationReport): string {
  return neededCases === undefined || cases >= neededCases
    ? `${countText(cases)} cases`
    : `${countText(cases)} of the ${countText(neededCases)} cases that tell 3 points from none`;
}

function report(evaluation: EvaluationReport): TemplateResult {
  const { primary, guards } = evaluation;
  const promoted = evaluation.verdict === "promote";
  return html`
    <p class="verdict-line ${promoted ? "good" : "bad"}">
      <span class="badge ${promoted ? "good" : "bad"}">${promoted ? "✓ Promote" : "✕ Refuse"}</span>
      <span>${visibleText(evaluation.reason)}</span>
    </p>
    <figure class="interval-figure">
      <figcaption>
        <span><b>${visibleText(wordsOf(primary.metric))}</b>, gain over the champion</span>
        <span class="numbers">
          ${signedText(primary.difference, 4)}
          <span class="quiet"
            >${intervalName(primary)} ${signedText(primary.low, 4)} … ${signedText(primary.high, 4)}</span
          >
        </span>
      </figcaption>
      ${intervalPlot(primary)}
    </figure>
    <div class="scroll" tabindex="0" role="region" aria-label="Metrics of challenger and champion">
      <table>
        <caption class="sr-only">
          Challenger and champion on ${countText(evaluation.cases)} later cases
        </caption>
        <thead>
          <tr>
            <th scope="col">Metric</th>
            <th scope="col" class="number">Challenger</th>
            <th scope="col" class="number">Champion</th>
            <th scope="col" class="number">Difference</th>
          </tr>
        </thead>
        <tbody>
          ${metric("Accepted at line", evaluation.acceptedAtLine, percentText, "higher", percentPoints)}
          ${metric("Edit similarity", evaluation.editSimilarity, (value) => value.toFixed(4), "higher", fourDigits)}
          ${metric("Held-out loss", evaluation.heldOutLoss, (value) => value.toFixed(4), "lower", fourDigits)}
          ${
            evaluation.lossAlone === undefined
              ? nothing
              : metric(
                  "Loss of the model alone",
                  evaluation.lossAlone,
                  (value) => value.toFixed(4),
                  "lower",
                  fourDigits,
                )
          }
        </tbody>
      </table>
    </div>
    <p class="quiet">
      ${casesText(evaluation)}, ${countText(primary.resamples)} resamples ·
      <code title=${evaluation.challenger}>${shortId(evaluation.challenger)}</code> against
      <code title=${evaluation.champion}>${shortId(evaluation.champion)}</code>
    </p>
    <h3>Guards</h3>
    ${
      guards.length === 0
        ? html`<p class="quiet">No guards ran.</p>`
        : html`<ul class="guards">
            ${guards.map(
              (guard) =>
                html`<li class=${guard.holds ? "good" : "bad"}>
                  <span class="mark" aria-hidden="true">${guard.holds ? "✓" : "✕"}</span>
                  <span
                    ><b>${visibleText(wordsOf(guard.name))}</b>
                    <span class="sr-only">${guard.holds ? "holds" : "fails"}</span></span
                  >
                  <span class="quiet">${visibleText(guard.detail)}</span>
                </li>`,
            )}
          </ul>`
    }
  `;
}

/** "held-out-loss" as words, its first letter large. */
const wordsOf = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " ");

const percentPoints = (difference: number) => `${signedText(100 * difference, 1)} pt`;
const fourDigits = (difference: number) => signedText(difference, 4);

function metric(
  name: string,
  pair: { readonly challenger: number; readonly champion: number },
  text: (value: number) => string,
  better: "higher" | "lower",
  differenceText: (difference: number) => string,
): TemplateResult {
  const difference = pair.challenger - pair.champion;
  const gain = better === "higher" ? difference : -difference;
  return html`<tr>
    <th scope="row">${name} <span class="quiet">${better} is better</span></th>
    <td class="number">${text(pair.challenger)}</td>
    <td class="number">${text(pair.champion)}</td>
    <td class="number ${gain > 0 ? "good" : gain < 0 ? "bad" : ""}">${differenceText(difference)}</td>
  </tr>`;
}
