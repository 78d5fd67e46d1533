import { html, nothing, type TemplateResult } from "lit";
import { type TrainingRequest, trainingRequest, type TrainingRun } from "../../protocol/api.ts";
import type { Answer, Failure } from "./api-client.ts";
import { failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";

const WORKSPACES_KEY = "kept.workspaces";

/** Starts a run. The folders are remembered in this browser. */
export class TrainingForm extends LightElement {
  static override properties = {
    start: { attribute: false },
    busy: { type: Boolean },
    _failure: { state: true },
    _sending: { state: true },
  };
  declare start: (request: TrainingRequest) => Promise<Answer<TrainingRun>>;
  /** True while a run is queued or running. */
  declare busy: boolean;
  declare _failure: Failure | null;
  declare _sending: boolean;

  constructor() {
    super();
    this.busy = false;
    this._failure = null;
    this._sending = false;
  }

  protected override render(): TemplateResult {
    return html`<form
        class="training-form"
        aria-label="Start training"
        @submit=${(event: SubmitEvent) => this.#submit(event)}
      >
        <label class="wide">
          <span>Workspace folders <span class="quiet">whose git history is learnt from, one a line</span></span>
          <textarea name="workspaces" rows="2" spellcheck="false" autocomplete="off" placeholder="/home/you/project">
${localStorage.getItem(WORKSPACES_KEY) ?? ""}</textarea>
        </label>
        <label>
          <span>Strategy</span>
          <select name="strategy">
            <option value="lora">lora: a small adapter</option>
            <option value="top-layers">top-layers: the last blocks, as a model</option>
            <option value="full">full: every weight, as a model</option>
          </select>
        </label>
        <details>
          <summary>Hyper-parameters</summary>
          <div class="fields">
            ${numberField("steps", "Steps", "1", "100000", "1")} ${numberField("rank", "Rank", "1", "256", "1")}
            ${numberField("learningRate", "Learning rate", "0.000001", "1", "any")}
            ${numberField("seed", "Seed", "0", "2147483647", "1")}
          </div>
          <p class="quiet">Empty fields take the model configuration's value.</p>
        </details>
        <button class="primary" ?disabled=${this.busy || this._sending}>Start training</button>
        ${this.busy ? html`<span class="quiet">One run at a time: cancel the active one to start another.</span>` : nothing}
      </form>
      ${this._failure === null ? nothing : failureNotice("Training did not start", this._failure)}`;
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const fields = new FormData(event.target as HTMLFormElement);
    const text = (name: string) => String(fields.get(name) ?? "").trim();
    const workspaces = text("workspaces");
    localStorage.setItem(WORKSPACES_KEY, workspaces);
    const overrides = Object.fromEntries(
      ["steps", "rank", "learningRate", "seed"]
        .filter((name) => text(name) !== "")
        .map((name) => [name, Number(text(name))]),
    );
    const request = trainingRequest.safeParse({
      strategy: text("strategy"),
      workspaces: workspaces
        .split("\n")
        .map((line) => line.trim())
        .filter((line) => line !== ""),
      overrides,
    });
    if (!request.success) {
      const issue = request.error.issues[0];
      this._failure = {
        status: 422,
        code: "invalid",
        title: "A value is not possible",
        detail: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
        id: null,
      };
      return;
    }
    this._sending = true;
    const answer = await this.start(request.data);
    this._sending = false;
    this._failure = answer.ok ? null : answer.failure;
  }
}

function numberField(name: string, label: string, min: string, max: string, step: string): TemplateResult {
  return html`<label
    ><span>${label}</span><input type="number" name=${name} min=${min} max=${max} step=${step}
  /></label>`;
}
