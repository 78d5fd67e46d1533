import type {
  DatasetRow,
  ModelVersionRow,
  ServerStatus,
  SuggestionRow,
  TrainingProgress,
  TrainingRequest,
  TrainingRun,
} from "../../protocol/api.ts";
import type { CanaryPage, CanaryRow } from "../../protocol/canary.ts";
import type { Answer, ApiClient, Failure, TrainingMove } from "./api-client.ts";
import type { Connection, StreamEvent } from "./event-stream.ts";

/** New suggestions arrive in bursts; the list is read again at most this often, milliseconds. */
const REFRESH_GAP_MS = 400;

/** What the page knows. Replaced as a whole at each change, never edited in place. */
export interface DashboardData {
  readonly connection: Connection;
  readonly status: ServerStatus | null;
  readonly runs: readonly TrainingRun[] | null;
  readonly versions: readonly ModelVersionRow[] | null;
  readonly canary: CanaryPage | null;
  readonly datasets: readonly DatasetRow[] | null;
  readonly suggestions: readonly SuggestionRow[] | null;
  /** Cursor of the next older page, or null at the end. */
  readonly older: string | null;
  /** Points of each run that was looked at or that reported progress here. */
  readonly curves: ReadonlyMap<string, readonly TrainingProgress[]>;
  /** Failures by what could not be read, each until that read succeeds. */
  readonly failures: ReadonlyMap<string, Failure>;
}

const nothing: DashboardData = {
  connection: { kind: "connecting" },
  status: null,
  runs: null,
  versions: null,
  canary: null,
  datasets: null,
  suggestions: null,
  older: null,
  curves: new Map(),
  failures: new Map(),
};

/** Reads the server's state and follows its events. `onChange` runs after each change. */
export class DashboardState {
  data: DashboardData = nothing;
  readonly #api: ApiClient;
  readonly #onChange: () => void;
  #suggestionTimer: ReturnType<typeof setTimeout> | null = null;
  #suggestionsReading = false;

  constructor(api: ApiClient, onChange: () => void) {
    this.#api = api;
    this.#onChange = onChange;
  }

  /** Reads everything; on first load and after each reconnection, because events may have been missed. */
  async refresh(): Promise<void> {
    await Promise.all([
      this.refreshStatus(),
      this.#read("runs", this.#api.runs(), (runs) => ({ runs: newestFirst(runs) })),
      this.refreshVersions(),
      this.#read("datasets", this.#api.datasets(), (datasets) => ({ datasets: newestFirst(datasets) })),
      this.refreshSuggestions(),
    ]);
  }

  async refreshStatus(): Promise<void> {
    await this.#read("status", this.#api.status(), (status) => ({ status }));
  }

  async refreshVersions(): Promise<void> {
    await Promise.all([
      this.#read("versions", this.#api.versions(), (versions) => ({ versions: newestFirst(versions) })),
      this.#refreshTrials(),
    ]);
  }

  #refreshTrials(): Promise<void> {
    return this.#read("trials", this.#api.canary(), (canary) => ({ canary }));
  }

  /** Reads the newest page again and keeps the older ones that were loaded, but nothing that is gone from it. */
  async refreshSuggestions(): Promise<void> {
    await this.#read("suggestions", this.#api.suggestions(null), (page) => {
      const fresh = new Set(page.suggestions.map((row) => row.id));
      const loaded = this.data.suggestions ?? [];
      const lastFresh = loaded.findLastIndex((row) => fresh.has(row.id));
      // What stood among those of this page, and is not in it any more, was forgotten.
      const kept = page.next === null ? [] : loaded.filter((row, at) => at > lastFresh && !fresh.has(row.id));
      const hasGap = loaded.length > 0 && kept.length === loaded.length && page.next !== null;
      return hasGap || kept.length === 0
        ? { suggestions: page.suggestions, older: page.next }
        : { suggestions: [...page.suggestions, ...kept] };
    });
  }

  async loadOlderSuggestions(): Promise<void> {
    if (this.data.older === null || this.#suggestionsReading) return;
    this.#suggestionsReading = true;
    await this.#read("suggestions", this.#api.suggestions(this.data.older), (page) => {
      const known = new Set((this.data.suggestions ?? []).map((row) => row.id));
      const rows = page.suggestions.filter((row) => !known.has(row.id));
      return { suggestions: [...(this.data.suggestions ?? []), ...rows], older: page.next };
    });
    this.#suggestionsReading = false;
  }

  /** Reads a run's stored curve; points that arrive live meanwhile are kept. */
  async loadCurve(runId: string): Promise<void> {
    await this.#read("loss curve", this.#api.curve(runId), (points) => ({ curves: this.#withPoints(runId, points) }));
  }

  async startTraining(request: TrainingRequest): Promise<Answer<TrainingRun>> {
    const answer = await this.#api.startTraining(request);
    if (answer.ok) this.#set({ runs: upsert(this.data.runs ?? [], answer.value) });
    void this.refreshStatus();
    return answer;
  }

  async moveTraining(runId: string, move: TrainingMove): Promise<Answer<TrainingRun>> {
    const answer = await this.#api.moveTraining(runId, move);
    if (answer.ok) this.#set({ runs: upsert(this.data.runs ?? [], answer.value) });
    return answer;
  }

  async moveChampion(move: { to: string | null; expected: string | null; reason: string }): Promise<Answer<unknown>> {
    const answer = await this.#api.moveChampion(move);
    await Promise.all([this.refreshStatus(), this.refreshVersions()]);
    return answer;
  }

  /** A suggestion was forgotten: it is in no list any more, and datasets and versions may have changed with it. */
  async dropSuggestion(id: string): Promise<void> {
    this.#set({ suggestions: (this.data.suggestions ?? []).filter((row) => row.id !== id) });
    await this.refresh();
  }

  async startTrial(version: string, share: number): Promise<Answer<CanaryRow>> {
    const answer = await this.#api.startTrial(version, share);
    await this.refreshVersions();
    return answer;
  }

  async endTrial(keep: boolean): Promise<Answer<CanaryRow>> {
    const answer = await this.#api.endTrial(keep);
    await Promise.all([this.refreshStatus(), this.refreshVersions()]);
    return answer;
  }

  setConnection(connection: Connection): void {
    const wasLive = this.data.connection.kind === "live";
    this.#set({ connection });
    if (connection.kind === "live" && !wasLive) void this.refresh();
  }

  receive(event: StreamEvent): void {
    switch (event.name) {
      case "progress":
        return this.#set({ curves: this.#withPoints(event.value.runId, [event.value]) });
      case "run":
        this.#set({ runs: upsert(this.data.runs ?? [], event.value) });
        void this.refreshStatus();
        if (event.value.datasetId !== null) {
          void this.#read("datasets", this.#api.datasets(), (datasets) => ({ datasets: newestFirst(datasets) }));
        }
        if (event.value.versionId !== null) void this.refreshVersions();
        return;
      case "deployment":
        void this.refreshStatus();
        void this.refreshVersions();
        return;
      // A suggestion that is forgotten elsewhere goes from the index of examples too.
      case "examples":
      case "suggestion":
        this.#suggestionTimer ??= setTimeout(() => {
          this.#suggestionTimer = null;
          void this.refreshSuggestions();
          void this.refreshStatus();
          // Outcomes are a trial's evidence.
          if (this.data.canary?.canaries.some(({ state }) => state === "running")) void this.#refreshTrials();
        }, REFRESH_GAP_MS);
        return;
    }
  }

  [Symbol.dispose](): void {
    if (this.#suggestionTimer !== null) clearTimeout(this.#suggestionTimer);
  }

  #withPoints(runId: string, points: readonly TrainingProgress[]): ReadonlyMap<string, readonly TrainingProgress[]> {
    return new Map(this.data.curves).set(runId, mergePoints(this.data.curves.get(runId) ?? [], points));
  }

  async #read<T>(what: string, asked: Promise<Answer<T>>, change: (value: T) => Partial<DashboardData>): Promise<void> {
    const answer = await asked;
    const failures = new Map(this.data.failures);
    if (answer.ok) failures.delete(what);
    else if (answer.failure.code === "unreachable") return;
    else failures.set(what, answer.failure);
    this.#set(answer.ok ? { ...change(answer.value), failures } : { failures });
  }

  #set(change: Partial<DashboardData>): void {
    this.data = { ...this.data, ...change };
    this.#onChange();
  }
}

/** Points of both lists in step order; where both have a step, the added one counts. */
export function mergePoints(
  held: readonly TrainingProgress[],
  added: readonly TrainingProgress[],
): readonly TrainingProgress[] {
  const last = held.at(-1);
  if (last !== undefined && added.length === 1 && (added[0]?.step ?? 0) > last.step) return [...held, ...added];
  const byStep = new Map([...held, ...added].map((point) => [point.step, point]));
  return [...byStep.values()].sort((a, b) => a.step - b.step);
}

/** The run to look at first: the active one, else the newest. */
export function mainRun(runs: readonly TrainingRun[]): TrainingRun | null {
  return runs.find((run) => isActive(run)) ?? runs[0] ?? null;
}

export function isActive(run: TrainingRun): boolean {
  return run.state === "queued" || run.state === "running";
}

function upsert(runs: readonly TrainingRun[], run: TrainingRun): readonly TrainingRun[] {
  return newestFirst([run, ...runs.filter((held) => held.id !== run.id)]);
}

function newestFirst<T extends { readonly createdAt: string }>(rows: readonly T[]): T[] {
  return rows.toSorted((a, b) => b.createdAt.localeCompare(a.createdAt));
}
