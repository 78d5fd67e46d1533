import { html, nothing, type TemplateResult } from "lit";
import type { Annotation, AnnotationQueue, AnnotationTask } from "../../protocol/annotations.ts";
import type { Answer, Failure } from "./api-client.ts";
import { emptyState, failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { nounText, signedText } from "./number-text.ts";
import { visibleText } from "./visible-text.ts";

export interface AnnotationApi {
  annotationQueue(): Promise<Answer<AnnotationQueue>>;
  annotate(said: Annotation): Promise<Answer<unknown>>;
}

type Verdict = Annotation["verdict"];

/** Asks a person about one suggestion after the other; a key each answers. */
export class AnnotationQueuePanel extends LightElement {
  static override properties = {
    api: { attribute: false },
    _queue: { state: true },
    _failure: { state: true },
    _last: { state: true },
  };
  declare api: AnnotationApi | null;
  declare _queue: AnnotationQueue | null;
  declare _failure: Failure | null;
  /** The last verdict, which can be taken back. */
  declare _last: { readonly task: AnnotationTask; readonly verdict: Verdict } | null;
  /** Answered or skipped here: the server's queue may still have them for a moment. */
  readonly #done = new Set<string>();

  constructor() {
    super();
    this.api = null;
    this._queue = null;
    this._failure = null;
    this._last = null;
    this.addEventListener("keydown", (event) => this.#onKey(event));
  }

  protected override firstUpdated(): void {
    void this.#load();
  }

  protected override render(): TemplateResult {
    const tasks = this.#tasks();
    const task = tasks[0];
    return html`<section class="card" aria-labelledby="annotations-heading" id="annotations">
      <div class="card-head">
        <h2 id="annotations-heading">Your verdict</h2>
        <span class="quiet" role="status">${this.#statusText(tasks)}</span>
      </div>
      ${this._failure === null ? nothing : failureNotice("The verdict was not stored", this._failure)}
      ${
        this._queue === null
          ? html`<p class="quiet">Loading…</p>`
          : task === undefined
            ? emptyState(
                "Nothing to ask",
                html`Suggestions appear here whose signals disagree, such as code that was accepted and soon rewritten.`,
              )
            : taskView(task)
      }
      <p class="buttons">
        ${this.#button("Good", "g", task === undefined, () => this.#say("up"))}
        ${this.#button("Bad", "b", task === undefined, () => this.#say("down"))}
        ${this.#button("Skip", "s", task === undefined, () => this.#skip())}
        ${this.#button("Take back", "u", this._last === null, () => this.#takeBack())}
      </p>
    </section>`;
  }

  #button(text: string, key: string, isOff: boolean, act: () => void): TemplateResult {
    return html`<button class="plain" aria-keyshortcuts=${key} ?disabled=${isOff} @click=${act}>
      ${text} <kbd aria-hidden="true">${key}</kbd>
    </button>`;
  }

  #tasks(): readonly AnnotationTask[] {
    return (this._queue?.tasks ?? []).filter(({ suggestion }) => !this.#done.has(suggestion.id));
  }

  #statusText(tasks: readonly AnnotationTask[]): string {
    const last = this._last === null ? "" : `Called ${this._last.verdict === "up" ? "good" : "bad"}. `;
    const waiting = this._queue === null ? 0 : Math.max(tasks.length, this._queue.waiting - this.#done.size);
    return this._queue === null ? "" : `${last}${nounText(waiting, "suggestion")} to ask about`;
  }

  /** Keys count where the focus is in this card, and in no field. */
  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const name = { g: "Good", b: "Bad", s: "Skip", u: "Take back" }[event.key];
    if (name === undefined) return;
    const button = this.querySelector<HTMLButtonElement>(`button[aria-keyshortcuts="${event.key}"]`);
    event.stopPropagation();
    button?.click();
  }

  async #load(): Promise<void> {
    const answer = await this.api?.annotationQueue();
    if (answer === undefined) return;
    if (answer.ok) this._queue = answer.value;
    this._failure = answer.ok ? null : answer.failure;
  }

  async #say(verdict: "up" | "down"): Promise<void> {
    const task = this.#tasks()[0];
    if (task === undefined) return;
    const answer = await this.api?.annotate({ suggestionId: task.suggestion.id, verdict });
    if (answer === undefined) return;
    this._failure = answer.ok ? null : answer.failure;
    if (!answer.ok) return;
    this._last = { task, verdict };
    this.#pass(task);
  }

  #skip(): void {
    const task = this.#tasks()[0];
    if (task !== undefined) this.#pass(task);
  }

  #pass(task: AnnotationTask): void {
    this.#done.add(task.suggestion.id);
    this.requestUpdate();
    if (this.#tasks().length === 0) void this.#load();
  }

  async #takeBack(): Promise<void> {
    const last = this._last;
    if (last === null) return;
    const answer = await this.api?.annotate({ suggestionId: last.task.suggestion.id, verdict: "withdrawn" });
    if (answer === undefined) return;
    this._failure = answer.ok ? null : answer.failure;
    if (!answer.ok) return;
    this._last = null;
    this.#done.delete(last.task.suggestion.id);
    const rest = (this._queue?.tasks ?? []).filter(({ suggestion }) => suggestion.id !== last.task.suggestion.id);
    this._queue = { tasks: [last.task, ...rest], waiting: this._queue?.waiting ?? 1 };
  }
}

function taskView({ suggestion, before, after, typedInstead }: AnnotationTask): TemplateResult {
  return html`
    <p>
      <bdi>${visibleText(suggestion.path)}</bdi>:${suggestion.line + 1}
      <span class="quiet">${visibleText(suggestion.outcome)}</span>
    </p>
    <pre class="code" dir="ltr" tabindex="0" aria-label="The suggestion in its place"><code><span class="around"
      >${visibleText(before)}</span><span class="completion">${visibleText(suggestion.completion)}</span><span class="around"
      >${visibleText(after)}</span></code></pre>
    ${
      typedInstead === null
        ? nothing
        : html`<p>Written in its place:</p>
            <pre
              class="code"
              dir="ltr"
              tabindex="0"
              aria-label="Written in its place"
            ><code>${visibleText(typedInstead)}</code></pre>`
    }
    <ul class="reasons">
      ${(suggestion.label?.reasons ?? []).map(
        ({ signal, lambda, detail }) =>
          html`<li>
            <span class="lambda ${lambda > 0 ? "good" : lambda < 0 ? "bad" : ""}">${signedText(lambda, 1)}</span>
            <b>${visibleText(signal)}</b> <span class="quiet">${visibleText(detail)}</span>
          </li>`,
      )}
    </ul>
  `;
}
