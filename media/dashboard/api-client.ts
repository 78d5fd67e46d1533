import type { z } from "zod";
import { type Annotation, type AnnotationQueue, annotationQueue } from "../../protocol/annotations.ts";
import {
  aliasRow,
  datasetPage,
  type DatasetRow,
  type ForgetOperation,
  forgetOperation,
  forgetPage,
  modelPage,
  type ModelVersionRow,
  type Problem,
  problem,
  readiness,
  runCurve,
  runPage,
  type SuggestionRow,
  type ServerStatus,
  serverStatus,
  suggestionPage,
  type TrainingProgress,
  type TrainingRequest,
  type TrainingRun,
  trainingRun,
  versions,
  type Why,
  why,
  ingestResponse,
} from "../../protocol/api.ts";
import { type CanaryPage, canaryPage, type CanaryRow, canaryRow } from "../../protocol/canary.ts";
import {
  type DatasetContents,
  datasetContents,
  type DatasetExamples,
  datasetExamples,
  type DatasetSplitName,
  type DatasetViewName,
  type ExportFormatName,
} from "../../protocol/datasets.ts";
import { type LabelVersionRow, type LabelVersions, labelVersion, labelVersions } from "../../protocol/labels.ts";
import { importedSuggestions, importPage, type ImportRow, importRow } from "../../protocol/imports.ts";
import { type EvaluationSample, runSamples } from "../../protocol/samples.ts";
import { type TrainingSchedule, trainingSchedule } from "../../protocol/schedule.ts";
import { type Overview, overview } from "../../protocol/overview.ts";
import { v7 as uuidv7 } from "uuid";
import { readBytes } from "./download.ts";

/** Longest wait for one answer, milliseconds. The server is on this machine or in this building. */
const ANSWER_DEADLINE_MS = 15_000;

/** What a person does to a run. */
export type TrainingMove = "cancel" | "pause" | "resume";

/** What a person decides about an import. */
export type ImportMove = "accept" | "accept-as-mine" | "refuse";

/** A request that the server answered with a problem, or did not answer (`code` is `unreachable`). */
export interface Failure {
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly detail: string | null;
  /** Names the request in the server's log. */
  readonly id: string | null;
}

export type Answer<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure };

export type ServerHealth = z.infer<typeof readiness> & z.infer<typeof versions>;
export type ForgetPage = z.infer<typeof forgetPage>;

export interface ExamplePage {
  readonly view: DatasetViewName;
  readonly split: DatasetSplitName;
  readonly from: number;
}

type OnBytes = (bytes: number, all: number) => void;

export type SuggestionPage = z.infer<typeof suggestionPage>;

/** The routes that the dashboard uses. Answers are parsed; nothing throws but a bug. */
export interface ApiClient {
  status(): Promise<Answer<ServerStatus>>;
  runs(): Promise<Answer<TrainingRun[]>>;
  curve(runId: string): Promise<Answer<TrainingProgress[]>>;
  imports(): Promise<Answer<ImportRow[]>>;
  importedSuggestions(importId: string): Promise<Answer<SuggestionRow[]>>;
  decideImport(importId: string, move: ImportMove): Promise<Answer<ImportRow>>;
  samples(runId: string): Promise<Answer<EvaluationSample[]>>;
  startTraining(request: TrainingRequest): Promise<Answer<TrainingRun>>;
  /** Cancels, pauses or resumes a run. */
  moveTraining(runId: string, move: TrainingMove): Promise<Answer<TrainingRun>>;
  versions(): Promise<Answer<ModelVersionRow[]>>;
  /** The newest trial of a candidate, and drift. */
  canary(): Promise<Answer<CanaryPage>>;
  health(): Promise<Answer<ServerHealth>>;
  schedule(): Promise<Answer<TrainingSchedule>>;
  /** What was forgotten, newest first, and the versions trained on it. */
  forgotten(): Promise<Answer<ForgetPage>>;
  overview(source: Overview["source"] | null): Promise<Answer<Overview>>;
  labelVersions(): Promise<Answer<LabelVersions>>;
  refitLabels(): Promise<Answer<LabelVersionRow>>;
  useLabels(version: string): Promise<Answer<LabelVersions>>;
  startTrial(version: string, share: number): Promise<Answer<CanaryRow>>;
  endTrial(keep: boolean): Promise<Answer<CanaryRow>>;
  forgetSuggestion(suggestionId: string): Promise<Answer<ForgetOperation>>;
  datasets(): Promise<Answer<DatasetRow[]>>;
  datasetContents(id: string): Promise<Answer<DatasetContents>>;
  datasetExamples(id: string, page: ExamplePage): Promise<Answer<DatasetExamples>>;
  /** The dataset as a file; `onBytes` hears how much of it has come. Stopping it ends the server's work too. */
  exportDataset(id: string, format: ExportFormatName, stop: AbortSignal, onBytes: OnBytes): Promise<Answer<Blob>>;
  suggestions(before: string | null): Promise<Answer<SuggestionPage>>;
  why(suggestionId: string): Promise<Answer<Why>>;
  /** Suggestions that a person is asked about. */
  annotationQueue(): Promise<Answer<AnnotationQueue>>;
  annotate(said: Annotation): Promise<Answer<unknown>>;
  /** Moves `champion` from `expected` to `to`; 409 when it stands elsewhere. */
  moveChampion(move: { to: string | null; expected: string | null; reason: string }): Promise<Answer<unknown>>;
}

/** A client that sends `token` with each request; `signal` ends all of them. */
export function apiClient(token: string, signal: AbortSignal): ApiClient {
  const ask = async <T>(method: string, path: string, schema: z.ZodType<T>, body?: unknown): Promise<Answer<T>> => {
    let response: Response;
    try {
      response = await fetch(path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          accept: "application/json",
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        redirect: "error",
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_DEADLINE_MS)]),
      });
    } catch {
      return { ok: false, failure: unreachable };
    }
    const json: unknown = await response.json().catch(() => null);
    if (!response.ok) return { ok: false, failure: failureOf(response.status, problem.safeParse(json).data) };
    const parsed = schema.safeParse(json);
    return parsed.success ? { ok: true, value: parsed.data } : { ok: false, failure: unexpected(path) };
  };
  const id = encodeURIComponent;
  const download = async (path: string, stop: AbortSignal, onBytes: OnBytes): Promise<Answer<Blob>> => {
    try {
      const response = await fetch(path, {
        headers: { authorization: `Bearer ${token}` },
        redirect: "error",
        signal: AbortSignal.any([signal, stop]),
      });
      if (response.ok) return { ok: true, value: await readBytes(response, onBytes) };
      const body: unknown = await response.json().catch(() => null);
      return { ok: false, failure: failureOf(response.status, problem.safeParse(body).data) };
    } catch {
      return { ok: false, failure: unreachable };
    }
  };
  return {
    status: () => ask("GET", "/v1/status", serverStatus),
    runs: async () => mapped(await ask("GET", "/v1/training/runs?limit=200", runPage), (page) => page.runs),
    curve: async (runId) =>
      mapped(await ask("GET", `/v1/training/runs/${id(runId)}/curve`, runCurve), (curve) => curve.points),
    samples: async (runId) =>
      mapped(await ask("GET", `/v1/training/runs/${id(runId)}/samples`, runSamples), (answer) => answer.samples),
    imports: async () => mapped(await ask("GET", "/v1/imports?limit=100", importPage), (page) => page.imports),
    importedSuggestions: async (importId) =>
      mapped(
        await ask("GET", `/v1/imports/${id(importId)}/suggestions?limit=20`, importedSuggestions),
        (answer) => answer.suggestions,
      ),
    decideImport: (importId, move) =>
      move === "refuse"
        ? ask("POST", `/v1/imports/${id(importId)}/refuse`, importRow, {})
        : ask("POST", `/v1/imports/${id(importId)}/accept`, importRow, { mine: move === "accept-as-mine" }),
    startTraining: (request) => ask("POST", "/v1/training/runs", trainingRun, request),
    moveTraining: (runId, move) => ask("POST", `/v1/training/runs/${id(runId)}/${move}`, trainingRun, {}),
    versions: async () => mapped(await ask("GET", "/v1/models?limit=200", modelPage), (page) => page.models),
    canary: () => ask("GET", "/v1/canary?limit=1", canaryPage),
    datasets: async () => mapped(await ask("GET", "/v1/datasets?limit=200", datasetPage), (page) => page.datasets),
    async health() {
      const [ready, made] = await Promise.all([ask("GET", "/readyz", readiness), ask("GET", "/version", versions)]);
      if (!ready.ok) return ready;
      return mapped(made, (value) => ({ ...ready.value, ...value }));
    },
    schedule: () => ask("GET", "/v1/schedule", trainingSchedule),
    forgotten: () => ask("GET", "/v1/forget?limit=1", forgetPage),
    overview: (source) => ask("GET", `/v1/overview${source === null ? "" : `?source=${source}`}`, overview),
    labelVersions: () => ask("GET", "/v1/labels/versions", labelVersions),
    refitLabels: () => ask("POST", "/v1/labels/refit", labelVersion, {}),
    useLabels: (version) => ask("PUT", "/v1/labels/versions", labelVersions, { version }),
    startTrial: (version, share) => ask("POST", "/v1/canary", canaryRow, { version, share }),
    endTrial: (keep) => ask("POST", "/v1/canary/end", canaryRow, { keep }),
    forgetSuggestion: (suggestionId) =>
      ask("POST", "/v1/forget", forgetOperation, {
        id: uuidv7(),
        requestedAtMs: Date.now(),
        scope: { kind: "suggestions", ids: [suggestionId] },
      }),
    datasetContents: (dataset) => ask("GET", `/v1/datasets/${id(dataset)}/contents`, datasetContents),
    datasetExamples: (dataset, { view, split, from }) =>
      ask("GET", `/v1/datasets/${id(dataset)}/rows?view=${view}&split=${split}&from=${from}&limit=50`, datasetExamples),
    exportDataset: (dataset, format, stop, onBytes) =>
      download(`/v1/datasets/${id(dataset)}/export?format=${format}`, stop, onBytes),
    suggestions: (before) =>
      ask("GET", `/v1/suggestions?limit=50${before === null ? "" : `&before=${id(before)}`}`, suggestionPage),
    why: (suggestionId) => ask("GET", `/v1/suggestions/${id(suggestionId)}/why`, why),
    annotationQueue: () => ask("GET", "/v1/annotations/queue?limit=20", annotationQueue),
    annotate: (said) => ask("POST", "/v1/annotations", ingestResponse, said),
    moveChampion: (move) => ask("PUT", "/v1/aliases/champion", aliasRow, move),
  };
}

function mapped<A, B>(answer: Answer<A>, map: (value: A) => B): Answer<B> {
  return answer.ok ? { ok: true, value: map(answer.value) } : answer;
}

const unreachable: Failure = {
  status: 0,
  code: "unreachable",
  title: "The Kept server did not answer",
  detail: null,
  id: null,
};

function failureOf(status: number, body: Problem | undefined): Failure {
  if (body === undefined)
    return { status, code: `http-${status}`, title: `The server answered ${status}`, detail: null, id: null };
  return { status, code: body.code, title: body.title, detail: body.detail ?? null, id: body.id };
}

function unexpected(path: string): Failure {
  return {
    status: 200,
    code: "unexpected-answer",
    title: "The server's answer has an unknown form",
    detail: `${path.split("?")[0]} does not match this page. Reload the page; the server may be of another version.`,
    id: null,
  };
}
