import { html, nothing, type PropertyValues, type TemplateResult } from "lit";
import type { TrainingSchedule } from "../../protocol/schedule.ts";
import type { ApiClient, Failure, ForgetPage, ServerHealth } from "./api-client.ts";
import { failureNotice } from "./failure-notice.ts";
import { LightElement } from "./light-element.ts";
import { countText, nounText, shortId } from "./number-text.ts";
import { PacedReads } from "./paced-reads.ts";
import { timeText } from "./time-text.ts";

/** Between two looks at the server, milliseconds. */
const REFRESH_GAP_MS = 3_000;

/** The server itself: whether it can store, its versions, when it trains by itself, and what was forgotten. */
export class SystemCard extends LightElement {
  static override properties = {
    api: { attribute: false },
    nowMs: { type: Number },
    tick: { attribute: false },
    _health: { state: true },
    _schedule: { state: true },
    _forgotten: { state: true },
    _failure: { state: true },
  };
  declare api: Pick<ApiClient, "health" | "schedule" | "forgotten"> | null;
  declare nowMs: number;
  /** Whatever changes when there is something new. */
  declare tick: unknown;
  declare _health: ServerHealth | null;
  declare _schedule: TrainingSchedule | null;
  declare _forgotten: ForgetPage | null;
  declare _failure: Failure | null;
  readonly #reads = new PacedReads(REFRESH_GAP_MS, () => this.#load());

  constructor() {
    super();
    this.api = null;
    this.nowMs = 0;
    this.tick = null;
    this._health = null;
    this._schedule = null;
    this._forgotten = null;
    this._failure = null;
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has("tick") || changed.has("api")) this.#reads.ask();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#reads[Symbol.dispose]();
  }

  async #load(): Promise<void> {
    const { api } = this;
    if (api === null) return;
    const [health, schedule, forgotten] = await Promise.all([api.health(), api.schedule(), api.forgotten()]);
    if (health.ok) this._health = health.value;
    if (schedule.ok) this._schedule = schedule.value;
    if (forgotten.ok) this._forgotten = forgotten.value;
    const failed = [health, schedule, forgotten].find((answer) => !answer.ok);
    this._failure = failed?.ok === false && failed.failure.code !== "unreachable" ? failed.failure : null;
  }

  protected override render(): TemplateResult {
    const [health, schedule, forgotten] = [this._health, this._schedule, this._forgotten];
    return html`<section class="card system" aria-labelledby="system-heading" id="system">
      <h2 id="system-heading">System</h2>
      ${this._failure === null ? nothing : failureNotice("Could not read: system", this._failure)}
      <dl class="standing">
        ${
          health === null
            ? html`<div>
                <dt>Server</dt>
                <dd class="quiet">Loading…</dd>
              </div>`
            : html`<div>
                  <dt>Server</dt>
                  <dd>
                    <span class="badge ${health.ready ? "good" : "bad"}"
                      >${health.ready ? "✓ stores events" : "✕ cannot store events"}</span
                    >
                    ${
                      health.derivationsPending === 0
                        ? "All labels are up to date."
                        : `${nounText(health.derivationsPending, "suggestion")} wait for their label.`
                    }
                  </dd>
                </div>
                <div>
                  <dt>Versions</dt>
                  <dd>
                    Kept ${health.version}, protocol ${health.protocol}, store ${health.schema}, Node ${health.node}
                  </dd>
                </div>`
        }
        ${
          schedule === null
            ? nothing
            : html`<div>
                <dt>Training</dt>
                <dd>${scheduleText(schedule)} ${lastText(schedule, this.nowMs)}</dd>
              </div>`
        }
        ${
          forgotten === null
            ? nothing
            : html`<div>
                <dt>Forgotten</dt>
                <dd>${forgottenText(forgotten, this.nowMs)}</dd>
              </div>`
        }
      </dl>
    </section>`;
  }
}

const TRIGGERS = {
  labels: "new labels",
  nightly: "the night's run",
  drift: "drift",
  forgotten: "what was forgotten",
} as const;
const WAITS = {
  idle: "until you rest",
  mains: "for mains power",
  run: "for the run under way",
  gap: "a while after the last run",
} as const;

function scheduleText({ settings, newLabels, decision }: TrainingSchedule): string {
  if (decision.kind === "rest" && decision.reason === "off") return "It does not start by itself.";
  if (decision.kind === "start") return `It starts now, for ${TRIGGERS[decision.trigger]}.`;
  if (decision.kind === "wait")
    return `It is due, for ${TRIGGERS[decision.trigger]}, and waits ${WAITS[decision.for]}.`;
  return `Nothing is due: ${countText(newLabels)} of the ${countText(settings.labels)} new labels that are worth a run.`;
}

function lastText({ last }: TrainingSchedule, nowMs: number): TemplateResult | typeof nothing {
  if (last.at === null) return nothing;
  return html`It started last
  ${timeText(last.at, nowMs)}${last.run === null ? nothing : html`, run <code title=${last.run}>${shortId(last.run)}</code>`}.`;
}

function forgottenText({ operations, taintedVersions }: ForgetPage, nowMs: number): TemplateResult {
  const [newest] = operations;
  if (newest === undefined) return html`Nothing was forgotten.`;
  return html`Last ${timeText(newest.requestedAt, nowMs)}: ${nounText(newest.suggestions, "suggestion")},
  ${nounText(newest.events, "event")}${newest.state === "done" ? nothing : ", still under way"}.
  ${
    taintedVersions.length === 0
      ? nothing
      : html`<span class="badge bad">${nounText(taintedVersions.length, "version")} learnt from it</span>`
  }`;
}
