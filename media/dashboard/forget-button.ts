import { html, nothing, type TemplateResult } from "lit";
import type { ForgetOperation } from "../../protocol/api.ts";
import type { ApiClient, Failure } from "./api-client.ts";
import { confirmDialog, dialogRef } from "./confirm-dialog.ts";
import { failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { nounText } from "./number-text.ts";

/** Deletes everything that was recorded of one suggestion, after a question. */
export class ForgetButton extends LightElement {
  static override properties = {
    api: { attribute: false },
    suggestionId: { type: String },
    done: { attribute: false },
    _isAsked: { state: true },
    _isBusy: { state: true },
    _failure: { state: true },
  };
  declare api: Pick<ApiClient, "forgetSuggestion"> | null;
  declare suggestionId: string;
  /** Told what was deleted. */
  declare done: (suggestionId: string, said: string) => void;
  declare _isAsked: boolean;
  declare _isBusy: boolean;
  declare _failure: Failure | null;
  readonly #dialog = dialogRef();

  constructor() {
    super();
    this.api = null;
    this.suggestionId = "";
    this.done = () => {};
    this._isAsked = false;
    this._isBusy = false;
    this._failure = null;
  }

  protected override render(): TemplateResult {
    return html`<button class="plain danger" ?disabled=${this._isBusy} @click=${() => this.#ask()}>Forget</button>
      ${this._failure === null ? nothing : failureNotice("Nothing was forgotten", this._failure)}
      ${confirmDialog(
        this.#dialog,
        this._isAsked
          ? {
              title: "Forget this suggestion?",
              body: html`<p>
                Its events, label and example are deleted for good, with copies of its text in the context of others and
                the datasets that hold it. Versions trained on those are marked. There is no way back.
              </p>`,
              warning: null,
              action: "Forget it",
              fields: html``,
            }
          : null,
        () => void this.#forget(),
        () => (this._isAsked = false),
      )}`;
  }

  #ask(): void {
    this._failure = null;
    this._isAsked = true;
    void this.updateComplete.then(() => this.#dialog.value?.showModal());
  }

  async #forget(): Promise<void> {
    const id = this.suggestionId;
    this.#dialog.value?.close();
    this._isBusy = true;
    const answer = await this.api?.forgetSuggestion(id);
    this._isBusy = false;
    if (answer === undefined) return;
    if (answer.ok) this.done(id, saidOf(answer.value));
    else this._failure = answer.failure;
  }
}

function saidOf({ events, datasets, taintedVersions }: ForgetOperation): string {
  const also = [
    datasets.length === 0 ? "" : `, with ${nounText(datasets.length, "dataset")}`,
    taintedVersions.length === 0 ? "" : `; ${nounText(taintedVersions.length, "version")} learnt from it`,
  ].join("");
  return `Forgotten: ${nounText(events, "event")}${also}.`;
}
