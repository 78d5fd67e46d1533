import { html, type TemplateResult } from "lit";
import type { DatasetRow } from "../../protocol/api.ts";
import { emptyState } from "./failure-notice.ts";
import { countText, shortId } from "./number-text.ts";
import { timeText } from "./time-text.ts";
import { visibleText } from "./visible-text.ts";

/** Dataset snapshots with their rows by split and source. */
export function datasetsPanel(
  datasets: readonly DatasetRow[] | null,
  opened: string | null,
  nowMs: number,
  open: (id: string) => void,
): TemplateResult {
  return html`<section class="card datasets" aria-labelledby="datasets-heading" id="datasets">
    <h2 id="datasets-heading">Datasets</h2>
    ${
      datasets === null
        ? html`<p class="quiet">Loading…</p>`
        : datasets.length === 0
          ? emptyState(
              "No dataset yet",
              "A training run freezes one from the labels and the git history that it is given.",
            )
          : table(datasets, opened, nowMs, open)
    }
  </section>`;
}

function table(
  datasets: readonly DatasetRow[],
  opened: string | null,
  nowMs: number,
  open: (id: string) => void,
): TemplateResult {
  return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="datasets-heading">
    <table>
      <thead>
        <tr>
          <th scope="col">Dataset</th>
          <th scope="col">Made</th>
          <th scope="col" class="number">Train</th>
          <th scope="col" class="number">Validation</th>
          <th scope="col" class="number">Test</th>
          <th scope="col">Sources</th>
          <th scope="col"><span class="sr-only">Actions</span></th>
        </tr>
      </thead>
      <tbody>
        ${datasets.map(
          (dataset) =>
            html`<tr id="dataset-${dataset.id}" tabindex="-1" class=${dataset.id === opened ? "selected" : ""}>
              <td><code title="${dataset.id}, sha256 ${dataset.sha256}">${shortId(dataset.id)}</code></td>
              <td>${timeText(dataset.createdAt, nowMs)}</td>
              <td class="number">${countText(dataset.rows.train)}</td>
              <td class="number">${countText(dataset.rows.validation)}</td>
              <td class="number">${countText(dataset.rows.test)}</td>
              <td>
                ${Object.entries(dataset.sources).map(
                  ([source, count]) =>
                    html`<span class="source">${visibleText(source)} <b>${countText(count)}</b></span> `,
                )}
              </td>
              <td class="actions">
                ${
                  dataset.forgotten === true || dataset.expired === true
                    ? html`<span class="quiet"
                        >${dataset.forgotten === true ? "forgotten" : "deleted, its time was over"}</span
                      >`
                    : html`<button
                        class="plain"
                        aria-label="Browse dataset ${shortId(dataset.id)}"
                        @click=${() => open(dataset.id)}
                      >
                        Browse
                      </button>`
                }
              </td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
