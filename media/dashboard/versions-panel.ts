import { html, nothing, type TemplateResult } from "lit";
import type { ModelVersionRow } from "../../protocol/api.ts";
import type { CanaryPage } from "../../protocol/canary.ts";
import type { Answer, Failure } from "./api-client.ts";
import { confirmDialog, type Confirmation, dialogRef } from "./confirm-dialog.ts";
import { emptyState, failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { bytesText, shortId } from "./number-text.ts";
import { timeText } from "./time-text.ts";
import { trialNotice } from "./trial-notice.ts";
import { visibleText } from "./visible-text.ts";

interface Move {
  readonly to: string | null;
  readonly expected: string | null;
  readonly confirmation: Confirmation;
}

/** Versions with their aliases. Moving the champion is a compare-and-swap on what this page showed. */
export class VersionsPanel extends LightElement {
  static override properties = {
    versions: { attribute: false },
    champion: { attribute: false },
    canary: { attribute: false },
    nowMs: { type: Number },
    moveChampion: { attribute: false },
    selectRun: { attribute: false },
    _move: { state: true },
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
  declare selectRun: (runId: string) => void;
  declare _move: Move | null;
  declare _failure: Failure | null;
  declare _done: string;
  readonly #dialog = dialogRef();

  constructor() {
    super();
    this.versions = null;
    this.champion = null;
    this.canary = null;
    this.nowMs = 0;
    this._move = null;
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
      ${this._failure === null ? nothing : this.#failureNotice(this._failure)} ${trialNotice(this.canary)}
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
        this._move?.confirmation ?? null,
        (reason) => void this.#confirm(reason),
        () => (this._move = null),
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
              </button>`
        }
      </td>
    </tr>`;
  }

  #ask(version: ModelVersionRow | null): void {
    const from = this.champion === null ? "the base model" : shortId(this.champion);
    const to = version === null ? "the base model" : shortId(version.id);
    const back = version === null || version.aliases.includes("previous");
    this._failure = null;
    this._done = "";
    this._move = {
      to: version?.id ?? null,
      expected: this.champion,
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
    };
    void this.updateComplete.then(() => this.#dialog.value?.showModal());
  }

  async #confirm(reason: string): Promise<void> {
    const move = this._move;
    if (move === null) return;
    this.#dialog.value?.close();
    const answer = await this.moveChampion({ to: move.to, expected: move.expected, reason });
    this._failure = answer.ok ? null : answer.failure;
    this._done = answer.ok ? `Champion is now ${move.to === null ? "the base model" : shortId(move.to)}` : "";
  }

  #failureNotice(failure: Failure): TemplateResult {
    if (failure.status !== 409) return failureNotice("The champion was not moved", failure);
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
