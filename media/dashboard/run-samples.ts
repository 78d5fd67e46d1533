import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { TrainingRun } from "../../protocol/api.ts";
import type { EvaluationSample } from "../../protocol/samples.ts";
import type { ApiClient, Failure } from "./api-client.ts";
import { emptyState, failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { diffWords } from "./line-diff.ts";
import { nounText, shortId } from "./number-text.ts";
import { visibleText } from "./visible-text.ts";

/** Stands for the champion in a report when no adapter serves. */
const BASE_ALONE = "base";

/** A few places of a run's test: what was kept there, what the champion wrote and what the challenger wrote. */
export class RunSamplesCard extends LightElement {
  static override properties = {
    api: { attribute: false },
    run: { attribute: false },
    openWhy: { attribute: false },
    _samples: { state: true },
    _failure: { state: true },
  };
  declare api: Pick<ApiClient, "samples"> | null;
  declare run: TrainingRun | null;
  declare openWhy: (suggestionId: string) => void;
  declare _samples: readonly EvaluationSample[] | null;
  declare _failure: Failure | null;

  constructor() {
    super();
    this.api = null;
    this.run = null;
    this.openWhy = () => {};
    this._samples = null;
    this._failure = null;
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (!changed.has("run")) return;
    const before = changed.get("run") as TrainingRun | null | undefined;
    if (before?.id === this.run?.id && before?.evaluation?.id === this.run?.evaluation?.id) return;
    this._samples = null;
    this._failure = null;
    if (this.run?.evaluation) void this.#load(this.run.id);
  }

  async #load(runId: string): Promise<void> {
    const answer = await this.api?.samples(runId);
    if (answer === undefined || this.run?.id !== runId) return;
    if (answer.ok) this._samples = answer.value;
    else this._failure = answer.failure;
  }

  protected override render(): TemplateResult | typeof nothing {
    const evaluation = this.run?.evaluation;
    if (!evaluation) return nothing;
    const samples = this._samples;
    return html`<section class="card samples" aria-labelledby="samples-heading" id="samples">
      <div class="card-head">
        <h2 id="samples-heading">Before and after</h2>
        <span class="quiet" role="status">
          ${samples === null || samples.length === 0 ? nothing : `${nounText(samples.length, "place")} of ${nounText(evaluation.cases, "case")}, evenly over time`}
        </span>
      </div>
      ${
        this._failure !== null
          ? failureNotice("The samples could not be read", this._failure)
          : samples === null
            ? html`<p class="quiet">Loading…</p>`
            : samples.length === 0
              ? emptyState(
                  "No sample is kept of this test",
                  evaluation.cases === 0
                    ? "The test had no case: the dataset has too little code that is later than what was learnt."
                    : "Its code was forgotten, its time was over, or an earlier version of Kept did the test.",
                )
              : html`<p class="quiet">
                    Code that the training never saw, in its first line, as in the test. <ins>Underlined</ins> is what a
                    model wrote otherwise, <del>struck out</del> what it left out of what was kept.
                  </p>
                  <ol class="sample-list">
                    ${samples.map((sample, at) => this.#sample(sample, at, evaluation.champion))}
                  </ol>`
      }
    </section>`;
  }

  #sample(sample: EvaluationSample, at: number, champion: string): TemplateResult {
    const { suggestionId, path, language, before, after, kept } = sample;
    return html`<li aria-label="Place ${at + 1}">
      <p>
        <bdi>${visibleText(path)}</bdi>
        <span class="quiet"
          >${visibleText(language)} · ${suggestionId === null ? "from git history" : "from feedback"}</span
        >
        ${
          suggestionId === null
            ? nothing
            : html`<button class="link" @click=${() => this.openWhy(suggestionId)}>Why this suggestion?</button>`
        }
      </p>
      <pre class="code" dir="ltr" tabindex="0" aria-label="Place ${at + 1}: code around what was kept"><code
        ><span class="around">${visibleText(before)}</span><span class="completion"
        >${visibleText(kept)}</span><span class="around">${visibleText(after)}</span></code></pre>
      <dl class="sample-sides">
        ${side(champion === BASE_ALONE ? "Before: the base model" : `Before: ${shortId(champion)}`, sample.champion, kept)}
        ${side("After: this run", sample.challenger, kept)}
      </dl>
    </li>`;
  }
}

function side(name: string, { text, accepted }: EvaluationSample["champion"], kept: string): TemplateResult {
  const [line, written] = [firstLine(kept), firstLine(text)];
  return html`<div>
    <dt>
      ${name}
      <span class="badge ${accepted ? "good" : ""}">${accepted ? "✓ the line that was kept" : "another line"}</span>
    </dt>
    <dd>
      ${
        text.trim() === ""
          ? html`<span class="quiet">It wrote nothing.</span>`
          : html`<code dir="ltr">${diffWords(line, written).map((piece) => marked(piece.kind, piece.text))}</code>`
      }
    </dd>
  </div>`;
}

/** As the test compares: the first line that says something, without what stands at its end. */
const firstLine = (text: string): string =>
  text
    .split("\n")
    .find((line) => line.trim() !== "")
    ?.trimEnd() ?? "";

function marked(kind: "same" | "added" | "missing", text: string): TemplateResult {
  if (kind === "same") return visibleText(text);
  return kind === "added" ? html`<ins>${visibleText(text)}</ins>` : html`<del>${visibleText(text)}</del>`;
}
