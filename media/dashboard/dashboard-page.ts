import { html, nothing, type TemplateResult } from "lit";
import type { TrainingProgress, TrainingRun } from "../../protocol/api.ts";
import { type ApiClient, apiClient, type Failure, type TrainingMove } from "./api-client.ts";
import { dialogRef } from "./confirm-dialog.ts";
import { DashboardState, mainRun } from "./dashboard-state.ts";
import { datasetsPanel } from "./datasets-panel.ts";
import { type Connection, followStream } from "./event-stream.ts";
import { failureNotice } from "./failure-notice.ts";
import { helpDialog } from "./help-dialog.ts";
import { LightElement } from "./light-element.ts";
import { login, logout } from "./login.ts";
import { loopDiagram } from "./loop-diagram.ts";
import { countText, shortId } from "./number-text.ts";
import { filterOfQuery, queryWithFilter, type SuggestionFilter } from "./suggestion-filter.ts";
import { logo, type Login, signInPage } from "./sign-in-page.ts";
import { suggestionsPanel } from "./suggestions-panel.ts";
import { durationText } from "./time-text.ts";
import { trainingPanel } from "./training-panel.ts";
import { verdictCard } from "./verdict-card.ts";
import type { WhyState } from "./why-panel.ts";

/** How often relative times are written anew, milliseconds. */
const CLOCK_TICK_MS = 10_000;

/** The whole page: signs in, follows the server, and hands each part what it shows. */
export class DashboardPage extends LightElement {
  static override properties = {
    _login: { state: true },
    _filter: { state: true },
    _why: { state: true },
    _runId: { state: true },
    _datasetId: { state: true },
    _said: { state: true },
    _moveFailure: { state: true },
    _nowMs: { state: true },
  };
  declare _login: Login;
  declare _filter: SuggestionFilter;
  declare _why: WhyState | null;
  declare _runId: string | null;
  declare _datasetId: string | null;
  declare _said: string;
  declare _moveFailure: Failure | null;
  declare _nowMs: number;
  #state: DashboardState | null = null;
  #api: ApiClient | null = null;
  #life = new AbortController();
  readonly #help = dialogRef();
  /** Runs whose stored curve was asked for. */
  readonly #curvesAsked = new Set<string>();

  constructor() {
    super();
    const query = new URLSearchParams(location.search);
    this._login = "pending";
    this._filter = filterOfQuery(location.search);
    this._why = null;
    this._runId = query.get("run");
    this._datasetId = query.get("dataset");
    this._moveFailure = null;
    this._said = "";
    this._nowMs = Date.now();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#life = new AbortController();
    const { signal } = this.#life;
    const clock = setInterval(() => (this._nowMs = Date.now()), CLOCK_TICK_MS);
    signal.addEventListener("abort", () => clearInterval(clock));
    addEventListener("keydown", (event) => this.#onKey(event), { signal });
    addEventListener("popstate", () => (this._filter = filterOfQuery(location.search)), { signal });
    // A code pasted into this tab's address signs in without a reload.
    addEventListener("hashchange", () => location.hash.startsWith("#code=") && void this.#enter(), { signal });
    void this.#enter();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#life.abort();
    this.#state?.[Symbol.dispose]();
  }

  async #enter(): Promise<void> {
    const result = await login();
    if (!result.ok) {
      if (this._login !== "in") this._login = result.reason;
      return;
    }
    this._login = "in";
    if (this.#state !== null) return;
    const { signal } = this.#life;
    this.#api = apiClient(result.token, signal);
    const state = new DashboardState(this.#api, () => this.#onData());
    this.#state = state;
    const suggestionId = new URLSearchParams(location.search).get("suggestion");
    if (suggestionId !== null) void this.#openWhy(suggestionId);
    await followStream(
      result.token,
      { onEvent: (event) => state.receive(event), onConnection: (connection) => this.#onConnection(connection) },
      signal,
    );
  }

  #onConnection(connection: Connection): void {
    if (connection.kind === "signed-out") {
      logout();
      this._login = "token-refused";
      this.#state?.[Symbol.dispose]();
      this.#state = null;
      return;
    }
    this.#state?.setConnection(connection);
  }

  #onData(): void {
    const run = this.#shownRun();
    if (run !== null && !this.#curvesAsked.has(run.id)) {
      this.#curvesAsked.add(run.id);
      void this.#state?.loadCurve(run.id);
    }
    this._nowMs = Date.now();
    this.requestUpdate();
  }

  #shownRun(): TrainingRun | null {
    const runs = this.#state?.data.runs ?? [];
    return runs.find((run) => run.id === this._runId) ?? mainRun(runs);
  }

  protected override render(): TemplateResult {
    const state = this.#state;
    if (this._login !== "in" || state === null) return signInPage(this._login);
    const { data } = state;
    const run = this.#shownRun();
    const points: readonly TrainingProgress[] = run === null ? [] : (data.curves.get(run.id) ?? []);
    return html`
      <a class="skip" href="#suggestions">Skip to the suggestions</a>
      <header>
        <div class="title">
          ${logo}
          <h1>Kept</h1>
          ${data.status === null ? nothing : html`<span class="quiet">${data.status.version}</span>`}
        </div>
        <dl class="counts">
          ${count("Suggestions", data.status?.suggestions)} ${count("Events", data.status?.events)}
          ${count("Good labels", data.status?.labels.good)} ${count("Bad labels", data.status?.labels.bad)}
          <div>
            <dt>Champion</dt>
            <dd id="champion" title=${data.status?.champion ?? ""}>
              ${data.status === null ? "–" : data.status.champion === null ? "base model" : html`<code>${shortId(data.status.champion)}</code>`}
            </dd>
          </div>
        </dl>
        ${connectionState(data.connection, this._nowMs)}
        <button class="plain" aria-keyshortcuts="?" @click=${() => this.#help.value?.showModal()}>
          Keyboard <kbd aria-hidden="true">?</kbd>
        </button>
      </header>
      <main>
        ${loopDiagram(data, run)}
        ${[...data.failures].map(([what, failure]) => failureNotice(`Could not read: ${what}`, failure))}
        <kept-overview
          .api=${this.#api}
          .tick=${data.suggestions}
          .runs=${data.runs}
          .canary=${data.canary}
        ></kept-overview>
        <div class="columns">
          ${trainingPanel({
            runs: data.runs,
            run,
            points,
            moveFailure: this._moveFailure,
            nowMs: this._nowMs,
            start: (request) => this.#start(state, request),
            move: (runId, move) => void this.#move(state, runId, move),
            select: (runId) => this.#selectRun(runId),
          })}
          ${verdictCard(run)}
        </div>
        <kept-run-samples
          .api=${this.#api}
          .run=${run}
          .openWhy=${(id: string) => void this.#openWhy(id)}
        ></kept-run-samples>
        ${suggestionsPanel({
          suggestions: data.suggestions,
          hasOlder: data.older !== null,
          nAll: data.status?.suggestions ?? 0,
          filter: this._filter,
          why: this._why,
          nowMs: this._nowMs,
          setFilter: (filter) => this.#setFilter(filter),
          api: this.#api,
          said: this._said,
          forgotten: (id, said) => this.#forgotten(state, id, said),
          loadOlder: () => void state.loadOlderSuggestions(),
          openWhy: (id) => void this.#openWhy(id),
          closeWhy: () => this.#closeWhy(),
        })}
        <kept-annotations .api=${this.#api}></kept-annotations>
        <kept-label-weights .api=${this.#api} .nowMs=${this._nowMs} .tick=${data.status?.labels}></kept-label-weights>
        <div class="columns even">
          <kept-versions
            .versions=${data.versions}
            .champion=${data.status?.champion ?? null}
            .canary=${data.canary}
            .nowMs=${this._nowMs}
            .moveChampion=${(move: Parameters<DashboardState["moveChampion"]>[0]) => state.moveChampion(move)}
            .startTrial=${(version: string, share: number) => state.startTrial(version, share)}
            .endTrial=${(keep: boolean) => state.endTrial(keep)}
            .selectRun=${(runId: string) => this.#selectRun(runId)}
          ></kept-versions>
          ${datasetsPanel(data.datasets, this._datasetId, this._nowMs, (id) => void this.#openDataset(id))}
        </div>
        <kept-imports
          .api=${this.#api}
          .nowMs=${this._nowMs}
          .tick=${data.status?.suggestions}
          .openWhy=${(id: string) => void this.#openWhy(id)}
        ></kept-imports>
        ${
          this._datasetId === null
            ? nothing
            : html`<kept-dataset-browser
                .api=${this.#api}
                .datasetId=${this._datasetId}
                .openWhy=${(id: string) => void this.#openWhy(id)}
                .close=${() => this.#closeDataset()}
              ></kept-dataset-browser>`
        }
        <kept-system .api=${this.#api} .nowMs=${this._nowMs} .tick=${data.status}></kept-system>
      </main>
      <footer class="quiet">Everything on this page stays on this machine.</footer>
      ${helpDialog(this.#help)}
    `;
  }

  async #start(state: DashboardState, request: Parameters<DashboardState["startTraining"]>[0]) {
    const answer = await state.startTraining(request);
    if (answer.ok) this.#selectRun(answer.value.id);
    return answer;
  }

  async #move(state: DashboardState, runId: string, move: TrainingMove): Promise<void> {
    const answer = await state.moveTraining(runId, move);
    this._moveFailure = answer.ok ? null : answer.failure;
  }

  #selectRun(runId: string): void {
    this._runId = runId;
    this._moveFailure = null;
    this.#setQuery("run", runId);
    this.#onData();
    this.querySelector("#training")?.scrollIntoView({ block: "nearest" });
  }

  #setFilter(filter: SuggestionFilter): void {
    this._filter = filter;
    history.replaceState(null, "", location.pathname + queryWithFilter(location.search, filter));
  }

  async #openWhy(id: string): Promise<void> {
    this._why = { kind: "loading", id };
    this.#setQuery("suggestion", id);
    const answer = await this.#api?.why(id);
    if (answer === undefined || this._why?.id !== id) return;
    this._why = answer.ok ? { kind: "ready", id, why: answer.value } : { kind: "failed", id, failure: answer.failure };
    await this.updateComplete;
    // What the model saw before the cursor can be long: the completion is what was asked about.
    const code = this.querySelector<HTMLElement>("#why .code");
    const completion = code?.querySelector<HTMLElement>(".completion");
    if (code && completion) code.scrollTop = completion.offsetTop - code.offsetTop - code.clientHeight / 2;
  }

  #forgotten(state: DashboardState, id: string, said: string): void {
    this.#closeWhy();
    this._said = said;
    void state.dropSuggestion(id);
    this.querySelector<HTMLElement>("#suggestions-heading")?.focus();
  }

  async #openDataset(id: string): Promise<void> {
    this._datasetId = id;
    this.#setQuery("dataset", id);
    await this.updateComplete;
    const heading = this.querySelector<HTMLElement>("#dataset-heading");
    heading?.focus();
    heading?.scrollIntoView({ block: "nearest" });
  }

  #closeDataset(): void {
    const id = this._datasetId;
    this._datasetId = null;
    this.#setQuery("dataset", null);
    this.querySelector<HTMLElement>(`#dataset-${id} button`)?.focus();
  }

  #closeWhy(): void {
    const id = this._why?.id;
    this._why = null;
    this.#setQuery("suggestion", null);
    const buttons = this.#whyButtons();
    buttons.find((button) => button.closest("tr")?.dataset["suggestion"] === id)?.focus();
  }

  #setQuery(name: string, value: string | null): void {
    const query = new URLSearchParams(location.search);
    if (value === null) query.delete(name);
    else query.set(name, value);
    const text = query.toString();
    history.replaceState(null, "", location.pathname + (text === "" ? "" : `?${text}`));
  }

  #onKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || this.querySelector("dialog[open]") !== null) return;
    if (event.key === "Escape" && this._why !== null) return this.#closeWhy();
    if (event.target instanceof Element && event.target.closest("input, textarea, select") !== null) return;
    switch (event.key) {
      case "/":
        event.preventDefault();
        return this.querySelector<HTMLInputElement>("#filter-text")?.focus();
      case "?":
        return this.#help.value?.showModal();
      case "j":
        return this.#moveRow(1);
      case "k":
        return this.#moveRow(-1);
    }
  }

  /** Focuses the next or the previous row; an open explanation follows. */
  #moveRow(by: 1 | -1): void {
    const buttons = this.#whyButtons();
    const at = buttons.findIndex(
      (button) => button === document.activeElement || button.closest("tr")?.dataset["suggestion"] === this._why?.id,
    );
    const next = buttons[at === -1 ? 0 : Math.min(buttons.length - 1, Math.max(0, at + by))];
    next?.focus();
    if (this._why !== null) next?.click();
  }

  #whyButtons(): HTMLElement[] {
    return [...this.querySelectorAll<HTMLElement>(".why-button")];
  }
}

function count(name: string, value: number | undefined): TemplateResult {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value === undefined ? "–" : countText(value)}</dd>
  </div>`;
}

function connectionState(connection: Connection, nowMs: number): TemplateResult {
  const text =
    connection.kind === "live"
      ? "Live"
      : connection.kind === "reconnecting"
        ? `Reconnecting, attempt ${connection.attempt}${connection.retryAt - nowMs >= 1_000 ? `, in ${durationText(connection.retryAt - nowMs)}` : ""}`
        : "Connecting";
  return html`<span class="connection ${connection.kind}" role="status"
    ><span class="dot" aria-hidden="true"></span>${text}</span
  >`;
}
