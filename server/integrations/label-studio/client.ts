import type { JsonAnswer, JsonCall, JsonClient } from "../../egress/json-client.ts";
import { AppError } from "../../errors.ts";
import type { NewTask } from "./tasks.ts";
import * as wire from "./wire.ts";
import type { z } from "zod";

/** The calls of Label Studio's REST interface that Kept makes. All throw as `JsonClient.call`. */
export interface LabelStudioClient {
  /** The project of this very title. */
  projectTitled(title: string): Promise<wire.Project | null>;
  project(id: number): Promise<wire.Project | null>;
  createProject(project: ProjectFields): Promise<wire.Project>;
  updateProject(id: number, project: ProjectFields): Promise<void>;
  /** Adds one task with its pre-annotation; its id. */
  addTask(projectId: number, task: NewTask): Promise<number>;
  /** Tasks with this value under a key of their data. */
  tasksWith(projectId: number, key: string, value: string): Promise<wire.Task[]>;
  task(id: number): Promise<wire.Task | null>;
  /** Tasks that somebody has annotated, a page at a time; null behind the last. */
  annotatedTasks(projectId: number, page: number): Promise<wire.Task[] | null>;
  deleteTask(id: number): Promise<void>;
  webhooks(projectId: number): Promise<wire.Webhook[]>;
  putWebhook(id: number | null, webhook: WebhookFields): Promise<void>;
  deleteWebhook(id: number): Promise<void>;
  mlBackends(projectId: number): Promise<wire.MlBackend[]>;
  putMlBackend(id: number | null, backend: MlBackendFields): Promise<void>;
  deleteMlBackend(id: number): Promise<void>;
}

export interface ProjectFields {
  readonly title: string;
  readonly description: string;
  readonly label_config: string;
  readonly expert_instruction: string;
  readonly show_instruction: boolean;
}

export interface WebhookFields {
  readonly url: string;
  readonly project: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly send_payload: boolean;
  readonly send_for_all_actions: boolean;
  readonly is_active: boolean;
  readonly actions: readonly string[];
}

export interface MlBackendFields {
  readonly url: string;
  readonly project: number;
  readonly title: string;
  readonly auth_method: "BASIC_AUTH";
  readonly basic_auth_user: string;
  readonly basic_auth_pass: string;
}

/** Tasks of one page: with their code some hundred kilobytes. */
const PAGE_SIZE = 50;

export function createLabelStudioClient(json: JsonClient, signal: AbortSignal): LabelStudioClient {
  const call = <S extends z.ZodType>(
    method: JsonCall["method"],
    path: string,
    schema: S,
    rest: Partial<JsonCall> = {},
  ) => json.call({ method, path: `api/${path}`, signal, ...rest }, schema).catch(explain);
  const get = <S extends z.ZodType>(path: string, query: Record<string, string | number>, schema: S) =>
    call("GET", path, schema, { query });
  const gone = async (path: string): Promise<void> => void unlessMissing(await call("DELETE", path, wire.nothing));
  const tasks = (projectId: number, page: number, filters: readonly unknown[]) =>
    get(
      "tasks",
      {
        project: projectId,
        page,
        page_size: PAGE_SIZE,
        fields: "all",
        query: JSON.stringify({ filters: { conjunction: "and", items: filters }, ordering: ["tasks:id"] }),
      },
      wire.taskPage,
    );

  return {
    async projectTitled(title) {
      const { results } = must(await get("projects/", { title, page_size: 100 }, wire.projectPage));
      return results.find((one) => one.title === title) ?? null;
    },
    project: async (id) => unlessMissing(await get(`projects/${id}/`, {}, wire.project)),
    createProject: async (body) => mustBeProject(await call("POST", "projects/", wire.project, { body })),
    updateProject: async (id, body) =>
      void mustBeProject(await call("PATCH", `projects/${id}/`, wire.project, { body })),
    async addTask(projectId, body) {
      const query = { return_task_ids: "true" };
      const answer = must(await call("POST", `projects/${projectId}/import`, wire.imported, { query, body: [body] }));
      const [id] = answer.task_ids;
      if (id !== undefined) return id;
      throw new AppError("integration-invalid", "Label Studio took a task and did not say what it calls it.");
    },
    async tasksWith(projectId, key, value) {
      const filter = { filter: `filter:tasks:data.${key}`, operator: "equal", type: "String", value };
      return unlessMissing(await tasks(projectId, 1, [filter]))?.tasks ?? [];
    },
    task: async (id) => unlessMissing(await get(`tasks/${id}/`, {}, wire.task)),
    async annotatedTasks(projectId, page) {
      const filter = { filter: "filter:tasks:total_annotations", operator: "greater", type: "Number", value: 0 };
      // Behind the last page there is none, which is no mistake.
      return unlessMissing(await tasks(projectId, page, [filter]))?.tasks ?? null;
    },
    deleteTask: (id) => gone(`tasks/${id}/`),
    webhooks: async (project) => must(await get("webhooks/", { project }, wire.webhooks)),
    async putWebhook(id, body) {
      if (id === null) must(await call("POST", "webhooks/", wire.webhook, { body }));
      else must(await call("PATCH", `webhooks/${id}/`, wire.nothing, { body }));
    },
    deleteWebhook: (id) => gone(`webhooks/${id}/`),
    mlBackends: async (project) => must(await get("ml", { project }, wire.mlBackends)),
    async putMlBackend(id, body) {
      if (id === null) must(await call("POST", "ml", wire.nothing, { body }));
      else must(await call("PATCH", `ml/${id}`, wire.nothing, { body }));
    },
    deleteMlBackend: (id) => gone(`ml/${id}`),
  };
}

/** Label Studio forbids itself to connect to this machine unless it is told otherwise. */
function explain(error: unknown): never {
  if (error instanceof AppError && /reserved network address/i.test(error.message)) {
    throw new AppError("integration-invalid", "Label Studio refuses to connect to this machine or a private network.", {
      cause: error,
      hint: "Start it with SSRF_PROTECTION_ENABLED=false and ML_BLOCK_LOCAL_IP=false, or give an address it accepts with --callback.",
    });
  }
  throw error;
}

/** Without what it says of a task: that repeats the code in it. */
function must<T>(answer: JsonAnswer<T>): T {
  if (answer.ok) return answer.value;
  const { detail } = wire.problem.parse(answer.problem ?? {});
  throw new AppError("integration-invalid", `Label Studio refused with ${answer.status}: ${detail.slice(0, 200)}`);
}

/** The same for a project, of whose labelling interface it says what is wrong. */
function mustBeProject<T>(answer: JsonAnswer<T>): T {
  if (answer.ok) return answer.value;
  const { validation_errors: errors } = wire.problem.parse(answer.problem ?? {});
  if (errors === undefined) return must(answer);
  const what = JSON.stringify(errors).slice(0, 500);
  throw new AppError("integration-invalid", `Label Studio does not take the project: ${what}`);
}

/** The answer, or null when Label Studio has no such thing. */
const unlessMissing = <T>(answer: JsonAnswer<T>): T | null =>
  !answer.ok && answer.status === 404 ? null : must(answer);
