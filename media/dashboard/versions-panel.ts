import { html, nothing, type TemplateResult } from "lit";
import type { ModelVersionRow } from "../../protocol/api.ts";
import type { CanaryPage, CanaryRow } from "../../protocol/canary.ts";
import type { Answer, Failure } from "./api-client.ts";
import { confirmDialog, type Confirmation, dialogRef } from "./confirm-dialog.ts";
import { emptyState, failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { bytesText, shortId } from "./number-text.ts";
import { timeText } from "./time-text.ts";
import { trialNotice } from "./trial-notice.ts";
import { visibleText } from "./visible-text.ts";

/** What is asked about: a move of the champion, or the beginning or the end of a trial. */
interface Question {
  readonly confirmation: Confirmation;
  /** Does it; answers what to say. */
  act(fields: FormData): Promise<Answer<string>>;
}

/** Share of the suggestions that a trial begins with unless another is chosen: even odds need the fewest. */
const USUAL_SHARE_PERCENT = 50;

/** Versions with their aliases. Moving the champion is a compare-and-swap on what this page showed. */
export class VersionsPanel extends LightElement {
  static override properties = {
    versions: { attribute: false },
    champion: { attribute: false },
    canary: { attribute: false },
    nowMs: { type: Number },
    moveChampion: { attribute: false },
    startTrial: { attribute: false },
    endTrial: { attribute: false },
    selectRun: { attribute: false },
    _question: { state: true },
    _failure: { state: true },
    _done: { state: true },
  };
  declare versions: readonly ModelVersionRow[] | null;
  declare champion: string | null;
  declare canary: CanaryPage | null;
  declare nowMs: number;
  declare moveChampion: (move: {
    to: string | null;
    expected: string | null;
    reason: string;
  }) => Promise<Answer<unknown>>;
  declare startTrial: (version: string, share: number) => Promise<Answer<CanaryRow>>;
  declare endTrial: (keep: boolean) => Promise<Answer<CanaryRow>>;
  declare selectRun: (runId: string) => void;
  declare _question: Question | null;
  declare _failure: Failure | null;
  declare _done: string;
  readonly #dialog = dialogRef();

  constructor() {
    super();
    this.versions = null;
    this.champion = null;
    this.canary = null;
    this.nowMs = 0;
    this._question = null;
    this._failure = null;
    this._done = "";
  }

  protected override render(): TemplateResult {
    const { versions } = this;
    return html`<section class="card versions" aria-labelledby="versions-heading" id="versions">
      <div class="card-head">
        <h2 id="versions-heading">Versions</h2>
        <span class="quiet" role="status">${this._done}</span>
      </div>
      ${this._failure === null ? nothing : this.#failureNotice(this._failure)}
      ${trialNotice(this.canary, (keep) => this.#askEnd(keep))}
      ${
        versions === null
          ? html`<p class="quiet">Loading…</p>`
          : versions.length === 0
            ? emptyState(
                "No adapter yet",
                "The base model serves. A training run registers a version here, whether it wins or not.",
              )
            : this.#table(versions)
      }
      ${confirmDialog(
        this.#dialog,
        this._question?.confirmation ?? null,
        (fields) => void this.#confirm(fields),
        () => (this._question = null),
      )}
    </section>`;
  }

  #table(versions: readonly ModelVersionRow[]): TemplateResult {
    return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="versions-heading">
      <table>
        <thead>
          <tr>
            <th scope="col">Version</th>
            <th scope="col">Aliases</th>
            <th scope="col">Made</th>
            <th scope="col">From</th>
            <th scope="col">Verdict</th>
            <th scope="col"><span class="sr-only">Actions</span></th>
          </tr>
        </thead>
        <tbody>
          ${versions.map((version) => this.#row(version))}
          <tr>
            <td><code>base</code></td>
            <td>${this.champion === null ? html`<span class="badge good">serving</span>` : nothing}</td>
            <td class="quiet" colspan="3">The model as shipped, without an adapter</td>
            <td class="actions">
              ${
                this.champion === null
                  ? nothing
                  : html`<button class="plain" @click=${() => this.#ask(null)}>Roll back to base</button>`
              }
            </td>
          </tr>
        </tbody>
      </table>
    </div>`;
  }

  #row(version: ModelVersionRow): TemplateResult {
    const isChampion = version.id === this.champion;
    const isPrevious = version.aliases.includes("previous");
    const bytes = version.files.reduce((sum, file) => sum + file.bytes, 0);
    return html`<tr class=${isChampion ? "selected" : ""}>
      <td>
        <code title=${version.id}>${shortId(version.id)}</code>
        <div class="quiet">${bytesText(bytes)}</div>
      </td>
      <td>
        ${version.aliases.map(
          (alias) => html`<span class="badge ${alias === "champion" ? "good" : ""}">${visibleText(alias)}</span> `,
        )}
        ${
          version.tainted === true
            ? html`<span class="badge bad" title="It was trained on something that was forgotten since"
                >forgotten data</span
              >`
            : nothing
        }
      </td>
      <td>${timeText(version.createdAt, this.nowMs)}</td>
      <td class="lineage">
        <button class="link" title=${version.runId} @click=${() => this.selectRun(version.runId)}>
          run <code>${shortId(version.runId)}</code>
        </button>
        <a href="#dataset-${version.datasetId}" title=${version.datasetId}
          >dataset <code>${shortId(version.datasetId)}</code></a
        >
      </td>
      <td>${version.evaluation === null ? "–" : version.evaluation.verdict}</td>
      <td class="actions">
        ${
          isChampion
            ? nothing
            : html`<button
                  class="plain"
                  aria-label="${isPrevious ? "Roll back to" : "Promote"} version ${shortId(version.id)}"
                  @click=${() => this.#ask(version)}
                >
                  ${isPrevious ? "Roll back" : "Promote"}
                </button>
                ${this.#tryButton(version)}`
        }
      </td>
    </tr>`;
  }

  #tryButton(version: ModelVersionRow): TemplateResult {
    const isTried = this.canary?.canaries.some((one) => one.state === "running" && one.version === version.id) ?? false;
    return html`<button
      class="plain"
      ?disabled=${isTried}
      aria-label="Try version ${shortId(version.id)}"
      @click=${() => this.#askTrial(version)}
    >
      Try
    </button>`;
  }

  #askTrial(version: ModelVersionRow): void {
    const name = shortId(version.id);
    const others = this.champion === null ? "the base model" : shortId(this.champion);
    this.#question({
      confirmation: {
        title: `Try ${name}?`,
        body: html`<p>
          It makes a share of the suggestions, drawn for each chain of them; <code>${others}</code> makes the rest. It
          becomes champion, or is taken back, when there is evidence: at the latest after as many outcomes as
          <code>kept canary</code> says.
        </p>`,
        warning: this.canary?.canaries.some(({ state }) => state === "running")
          ? "Another candidate is on trial: this one takes its place."
          : null,
        action: "Try it",
        fields: html`<label class="wide"
          ><span>Share of the suggestions, in percent</span
          ><input name="share" type="number" min="1" max="90" step="1" required .value=${String(USUAL_SHARE_PERCENT)}
        /></label>`,
      },
      act: async (fields) => {
        const answer = await this.startTrial(version.id, Number(fields.get("share")) / 100);
        return answer.ok ? { ok: true, value: `${name} is on trial` } : answer;
      },
    });
  }

  #askEnd(keep: boolean): void {
    const trial = this.canary?.canaries.find(({ state }) => state === "running");
    if (trial === undefined) return;
    const name = shortId(trial.version);
    this.#question({
      confirmation: {
        title: keep ? `Make ${name} the champion now?` : `Take ${name} back now?`,
        body: html`<p>
          ${keep ? "It makes all of the suggestions from now on." : "What serves beside it makes all of the suggestions again."}
        </p>`,
        warning: "There is no evidence yet that would decide this.",
        action: keep ? "Make it champion" : "Take it back",
        fields: html``,
      },
      act: async () => {
        const answer = await this.endTrial(keep);
        return answer.ok ? { ok: true, value: keep ? `Champion is now ${name}` : `${name} was taken back` } : answer;
      },
    });
  }

  #question(question: Question): void {
    this._failure = null;
    this._done = "";
    this._question = question;
    void this.updateComplete.then(() => this.#dialog.value?.showModal());
  }

  #ask(version: ModelVersionRow | null): void {
    const from = this.champion === null ? "the base model" : shortId(this.champion);
    const to = version === null ? "the base model" : shortId(version.id);
    const back = version === null || version.aliases.includes("previous");
    const expected = this.champion;
    this.#question({
      confirmation: {
        title: back ? `Roll back to ${to}?` : `Promote ${to} to champion?`,
        body: html`<p>
          Editors now serve <code>${from}</code>. They swap to <code>${to}</code> between two suggestions.
        </p>`,
        warning:
          version?.evaluation?.verdict === "refuse"
            ? "The test refused this version: it did not beat the champion on later code."
            : null,
        action: back ? "Roll back" : "Promote",
      },
      act: async (fields) => {
        const reason = String(fields.get("reason") ?? "");
        const answer = await this.moveChampion({ to: version?.id ?? null, expected, reason });
        return answer.ok ? { ok: true, value: `Champion is now ${to}` } : answer;
      },
    });
  }

  async #confirm(fields: FormData): Promise<void> {
    const question = this._question;
    if (question === null) return;
    this.#dialog.value?.close();
    const answer = await question.act(fields);
    this._failure = answer.ok ? null : answer.failure;
    this._done = answer.ok ? answer.value : "";
  }

  #failureNotice(failure: Failure): TemplateResult {
    if (failure.code !== "alias-moved") return failureNotice("That was not done", failure);
    const now = this.champion === null ? "the base model" : shortId(this.champion);
    return html`<div class="notice warn" role="alert">
      <strong>The champion had moved meanwhile</strong>
      <p>
        Someone else, or a training run, moved it after this page showed it. Nothing was changed by you. It is now
        <code>${now}</code>: look at the table, then decide again.
      </p>
      <p class="quiet">Code <code>${visibleText(failure.code)}</code></p>
    </div>`;
  }
}
