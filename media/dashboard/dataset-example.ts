import { html, nothing, type TemplateResult } from "lit";
import type { DatasetExample } from "../../protocol/datasets.ts";
import { nounText, signedText } from "./number-text.ts";
import { absoluteTime, durationText } from "./time-text.ts";
import { visibleText } from "./visible-text.ts";

const ORIGINS: Readonly<Record<DatasetExample["from"], string>> = {
  suggestion: "a suggestion",
  "typed-instead": "typed in the place of a suggestion",
  history: "from git history",
};

/** What took code from git history away. */
const CAUSES: Readonly<Record<string, string>> = {
  revert: "reverted",
  fix: "replaced by a fix",
  quick_rewrite: "written anew",
  other: "written anew",
};

/** One example in its place, with why it counts as it does. */
export function exampleView(
  example: DatasetExample,
  verdict: "up" | "down" | null,
  openWhy: (suggestionId: string) => void,
): TemplateResult {
  const { suggestionId, chosen, label } = example;
  return html`
    <p>
      <bdi>${visibleText(example.path)}</bdi>
      <span class="quiet"
        >${visibleText(example.language)} · ${ORIGINS[example.from]} ·
        ${absoluteTime(Date.parse(example.writtenAt))}${
          example.examples === 0 ? nothing : ` · ${nounText(example.examples, "in-context example")} in its prompt`
        }</span
      >
    </p>
    <pre class="code" dir="ltr" tabindex="0" aria-label="Prompt and completion"><code><span class="around"
      >${visibleText(example.before)}</span><span class=${example.good ? "completion" : "completion refused"}
      >${visibleText(example.completion)}</span><span class="around"
      >${visibleText(example.after)}</span></code></pre>
    ${
      chosen === null
        ? nothing
        : html`<p>Written in its place:</p>
            <pre class="code" dir="ltr" tabindex="0" aria-label="Written in its place"><code><span class="completion"
              >${visibleText(chosen)}</span></code></pre>`
    }
    <p>
      <span class="badge ${example.good ? "good" : "bad"}">${example.good ? "good" : "bad"}</span>
      weight ${example.weight.toFixed(2)}
      ${verdict === null ? nothing : html`<span class="badge ${verdict === "up" ? "good" : "bad"}">you: ${verdict === "up" ? "good" : "bad"}</span>`}
      ${
        suggestionId === null
          ? nothing
          : html`<button class="link" @click=${() => openWhy(suggestionId)}>Why this suggestion?</button>`
      }
    </p>
    ${
      example.loss === null
        ? nothing
        : html`<p class="loss">
            <span class="quiet">Bad because it was</span>
            ${CAUSES[example.loss.cause] ?? visibleText(example.loss.cause)}
            <span class="quiet">${durationText(example.loss.afterMs)} after it was written, by commit</span>
            <code title=${example.loss.commit}>${visibleText(example.loss.commit.slice(0, 10))}</code>
          </p>`
    }
    ${
      label === null
        ? nothing
        : html`<p class="quiet">Its label now, version ${visibleText(label.version)}: ${label.verdict}</p>
            <ul class="reasons">
              ${label.reasons.map(
                ({ signal, lambda, detail }) =>
                  html`<li>
                    <span class="lambda ${lambda > 0 ? "good" : lambda < 0 ? "bad" : ""}"
                      >${signedText(lambda, 1)}</span
                    >
                    <b>${visibleText(signal)}</b> <span class="quiet">${visibleText(detail)}</span>
                  </li>`,
              )}
            </ul>`
    }
  `;
}
