import { html, type TemplateResult } from "lit";
import type { DatasetContents } from "../../protocol/datasets.ts";
import { countText } from "./number-text.ts";
import { visibleText } from "./visible-text.ts";

const VIEWS = [
  ["sft", "Supervised"],
  ["kto", "Unpaired"],
  ["dpo", "Pairs"],
] as const;

const REASONS: Readonly<Record<string, string>> = {
  blank: "nothing but white space",
  weightless: "a label that counts for nothing",
  secret: "a secret stood in it",
  "special-token": "a marker of prompts stands in it",
  repeated: "the same code in the same place",
  contradicted: "a newer verdict on the same code",
  "file-cap": "more than one file may have",
  "repository-cap": "more than one repository may have",
  "person-cap": "more than one person or tool may have",
  "near-duplicate": "too like an example of an earlier part",
  "bad-after-training": "bad, and as late as what is measured by",
};

/** How many examples each view and part has, what was left out and why, and where the dataset came from. */
export function datasetFacts(contents: DatasetContents): TemplateResult {
  const dropped = Object.entries(contents.dropped);
  return html`<div class="dataset-facts">
    <div class="scroll" tabindex="0" role="region" aria-label="Examples by view and part">
      <table>
        <caption>
          Examples by view and part
        </caption>
        <thead>
          <tr>
            <th scope="col">View</th>
            <th scope="col" class="number">Train</th>
            <th scope="col" class="number">Validation</th>
            <th scope="col" class="number">Test</th>
          </tr>
        </thead>
        <tbody>
          ${VIEWS.map(([view, name]) => {
            const { train, validation, test } = contents.views[view];
            return html`<tr>
              <th scope="row">${name}</th>
              ${[train, validation, test].map((count) => html`<td class="number">${countText(count)}</td>`)}
            </tr>`;
          })}
        </tbody>
      </table>
    </div>
    <div>
      <h3>Left out</h3>
      ${
        dropped.length === 0
          ? html`<p class="quiet">Nothing was left out.</p>`
          : html`<ul class="left-out">
              ${dropped.map(
                ([reason, count]) =>
                  html`<li><b class="number">${countText(count)}</b> ${REASONS[reason] ?? visibleText(reason)}</li>`,
              )}
            </ul>`
      }
      <p class="quiet">What is in ignored files is never recorded, so it is not counted here.</p>
    </div>
    <div>
      <h3>Made from</h3>
      <ul class="left-out">
        <li>events up to sequence ${countText(contents.eventWatermark)}</li>
        <li>labels of version ${visibleText(contents.labelVersion)}</li>
        <li>seed ${contents.seed}, Kept ${visibleText(contents.codeVersion)}</li>
        ${contents.workspaces.map(
          ({ root, head }) =>
            html`<li>history of <bdi>${visibleText(root)}</bdi> at <code>${visibleText(head.slice(0, 10))}</code></li>`,
        )}
      </ul>
    </div>
  </div>`;
}
