import { html, nothing, type TemplateResult } from "lit";
import type { KeptEvent } from "../../protocol/events.ts";
import type { Why } from "../../protocol/api.ts";
import type { Failure } from "./api-client.ts";
import { failureNotice } from "./failure-notice.ts";
import { nounText, percentText, shortId, signedText } from "./number-text.ts";
import { absoluteTime, durationText, timeText } from "./time-text.ts";
import { visibleTail, visibleText } from "./visible-text.ts";

/** Characters shown before and after the completion; what the model saw can be far longer. */
const CONTEXT_CHARS = 1_500;

export type WhyState =
  | { readonly kind: "loading"; readonly id: string }
  | { readonly kind: "ready"; readonly id: string; readonly why: Why }
  | { readonly kind: "failed"; readonly id: string; readonly failure: Failure };

/** Everything that led to one suggestion: code, model, examples, label, events. */
export function whyPanel(
  state: WhyState,
  nowMs: number,
  close: () => void,
  forget: TemplateResult | typeof nothing,
): TemplateResult {
  return html`<aside class="why" id="why" data-suggestion=${state.id} aria-labelledby="why-heading">
    <div class="card-head">
      <h3 id="why-heading" tabindex="-1">Why this suggestion?</h3>
      ${state.kind === "ready" ? forget : nothing}
      <button class="plain" @click=${close}>Close</button>
    </div>
    ${
      state.kind === "loading"
        ? html`<p class="quiet" role="status">Loading…</p>`
        : state.kind === "failed"
          ? failureNotice("The explanation could not be read", state.failure)
          : explanation(state.why, nowMs)
    }
  </aside>`;
}

function explanation({ suggestion, context, adapter, examples, events }: Why, nowMs: number): TemplateResult {
  return html`
    <p class="quiet">
      <bdi>${visibleText(context.path)}</bdi>:${context.line + 1}:${context.column + 1} ·
      ${visibleText(context.language)} · ${timeText(suggestion.shownAt, nowMs)},
      ${absoluteTime(Date.parse(suggestion.shownAt))}
    </p>
    <pre
      class="code"
      dir="ltr"
      tabindex="0"
      aria-label="Code before the cursor, the completion, and code after it"
    ><code
      ><span class="around">${visibleTail(context.prefix, CONTEXT_CHARS)}</span
      ><ins class="completion">${visibleText(suggestion.completion)}</ins
      ><span class="around">${visibleText(context.suffix, CONTEXT_CHARS)}</span></code></pre>
    <h4>Model</h4>
    ${
      adapter === null
        ? html`<p>
            ${suggestion.model.adapter === null ? "The base model alone" : html`Adapter <code title=${suggestion.model.adapter}>${shortId(suggestion.model.adapter)}</code>, which this server does not know`}
            <span class="quiet"
              >base <code title=${suggestion.model.base}>${shortId(suggestion.model.base)}</code></span
            >
          </p>`
        : html`<p>
            Adapter <code title=${adapter.version}>${shortId(adapter.version)}</code> made
            ${timeText(adapter.createdAt, nowMs)} by run <code title=${adapter.run}>${shortId(adapter.run)}</code> from
            dataset
            <a href="#dataset-${adapter.dataset}"><code title=${adapter.dataset}>${shortId(adapter.dataset)}</code></a
            >, trained on ${nounText(adapter.trainedOn, "row")}; the champion before was
            ${adapter.championBefore === null ? "the base model" : html`<code title=${adapter.championBefore}>${shortId(adapter.championBefore)}</code>`}
          </p>`
    }
    <h4>Label</h4>
    ${
      suggestion.label === null
        ? html`<p class="quiet">No label yet: it comes with the first signal after the suggestion was shown.</p>`
        : html`<p>
              <span class="badge ${tone(suggestion.label.verdict)}">${suggestion.label.verdict}</span>
              p = ${suggestion.label.probability.toFixed(2)}, weight ${suggestion.label.weight.toFixed(2)}
            </p>
            <ul class="reasons">
              ${suggestion.label.reasons.map(
                (reason) =>
                  html`<li>
                    <span class="lambda ${reason.lambda > 0 ? "good" : reason.lambda < 0 ? "bad" : ""}"
                      >${signedText(reason.lambda, 1)}</span
                    >
                    <b>${visibleText(reason.signal)}</b> <span class="quiet">${visibleText(reason.detail)}</span>
                  </li>`,
              )}
            </ul>`
    }
    <h4>In-context examples</h4>
    ${
      examples.length === 0
        ? html`<p class="quiet">None were put before the prompt.</p>`
        : examples.map(
            (example) =>
              html`<details class="example">
                <summary>
                  <bdi>${visibleText(example.path)}</bdi>
                  <span class="quiet">
                    ${example.commit === undefined ? nothing : html`commit <code title=${example.commit}>${visibleText(example.commit.slice(0, 10))}</code>`}
                    ${example.suggestionId === undefined ? nothing : html`suggestion <code title=${example.suggestionId}>${shortId(example.suggestionId)}</code>`}
                  </span>
                </summary>
                <pre
                  class="code"
                  dir="ltr"
                  tabindex="0"
                  aria-label="Example"
                ><code>${visibleText(example.text)}</code></pre>
              </details>`,
          )
    }
    <h4>Events</h4>
    <ol class="timeline">
      ${events.map((event) => timelineItem(event, events[0]?.wallMs ?? event.wallMs))}
    </ol>
  `;
}

function timelineItem(event: KeptEvent, startMs: number): TemplateResult {
  return html`<li>
    <time datetime=${new Date(event.wallMs).toISOString()} title=${absoluteTime(event.wallMs)}
      >+${durationText(Math.max(0, event.wallMs - startMs))}</time
    >
    <b>${event.kind}</b> <span class="quiet">${eventDetail(event)}</span>
  </li>`;
}

function eventDetail(event: KeptEvent): unknown {
  switch (event.kind) {
    case "shown":
      return `after ${durationText(event.latencyMs)}, by ${event.source === "tool" ? (event.generator?.tool ?? "another tool") : `the ${event.source}`}`;
    case "read":
    case "accepted":
    case "rejected":
    case "ignored":
    case "typed-over":
      return `visible ${durationText(event.visibleMs)}`;
    case "partially-accepted":
    case "typed-through":
      return percentText(event.fraction);
    case "undone":
      return `${durationText(event.afterMs)} after the accept`;
    case "redone":
      return `${durationText(event.afterMs)} after the undo`;
    case "typed-instead":
      return html`<code>${visibleText(event.text, 400)}</code>`;
    case "rated":
      return html`${event.verdict}${event.reason === undefined ? nothing : ` (${event.reason})`}
      ${event.comment === undefined ? nothing : html`“${visibleText(event.comment)}”`}`;
    case "retained":
      return event.tokens === null
        ? `not observed after ${durationText(event.afterMs)}${event.censored === undefined ? "" : ` (${event.censored})`}`
        : `${percentText(event.tokens)} of the tokens after ${durationText(event.afterMs)}`;
    case "survived":
      return html`${event.tokens === null ? "not observed" : percentText(event.tokens)} in
        <code>${visibleText(event.commit.slice(0, 10))}</code> (${event.place})`;
    case "loss":
      return `${percentText(event.fraction)} of the tokens went ${durationText(event.afterMs)} after the accept: ${event.cause}`;
    case "gain":
      return `${percentText(event.fraction)} of the tokens came back ${durationText(event.afterMs)} after the accept`;
    case "diagnostics":
      return `${event.introduced} errors introduced, ${event.left} left after ${durationText(event.afterMs)}`;
    case "code-signal":
      return html`${event.verdict}: ${visibleText(event.name, 120)} at
        <code>${visibleText(event.commit.slice(0, 10))}</code>, ${percentText(event.share)} of the code spoken of`;
    case "superseded":
      return "a newer suggestion took its place";
  }
}

const tone = (verdict: string) => (verdict === "good" ? "good" : verdict === "bad" ? "bad" : "");
