import type { Clock } from "../../clock.ts";
import type { Egress, EgressLimits } from "../../egress/egress.ts";
import { askJson } from "../../egress/json-request.ts";
import { AppError } from "../../errors.ts";
import type { Log } from "../../log.ts";
import type { SettingsStore } from "../../store/settings-store.ts";
import { z } from "zod";

/** What a model's file says of its workflows. */
export interface CiSettings {
  readonly name: string;
  readonly annotations: number | null;
  readonly dispatchUrl: string | null;
  readonly ref: string;
}

/** Between two looks at how many verdicts there are, milliseconds. */
const EVERY_MS = 60_000;
/** After a failure the host gets this long, milliseconds. */
const AGAIN_MS = 600_000;
/** It answers with nothing, or a few words about the run that it started. */
const LIMITS: EgressLimits = { answerMs: 15_000, windowMs: 15_000, bytesPerWindow: 1, maxBytes: 65_536 };

const told = z.object({ verdicts: z.int().default(0), model: z.string().nullable().default(null) });
const SETTING = "ci-told";

/**
 * Starts the training workflow when there are as many new human verdicts as the model's file says. What is new is
 * counted from when the workflow was started last; a start that failed is tried again and never counted.
 */
export function startDispatcher(parts: {
  readonly ci: () => CiSettings | null;
  /** Suggestions with a human verdict. */
  readonly verdicts: () => number;
  readonly settings: SettingsStore;
  readonly egress: Egress;
  readonly clock: Clock;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  readonly everyMs?: number | undefined;
}): AsyncDisposable {
  const { settings, egress, clock, log } = parts;
  const stop = new AbortController();
  let notBeforeMs = 0;

  const look = async (): Promise<void> => {
    const ci = parts.ci();
    if (ci === null || ci.annotations === null || ci.dispatchUrl === null) return;
    const now = clock.wallMs();
    const verdicts = parts.verdicts();
    const last = settings.get(SETTING, told);
    // Another model's count says nothing, and what was forgotten is not there to be counted.
    if (last.model !== ci.name || last.verdicts > verdicts)
      return settings.put(SETTING, { verdicts, model: ci.name }, now);
    if (verdicts - last.verdicts < ci.annotations || Math.abs(now - notBeforeMs) < AGAIN_MS) return;
    notBeforeMs = now;
    await startWorkflow({
      ci,
      annotations: verdicts - last.verdicts,
      egress,
      token: parts.env["KEPT_CI_TOKEN"] ?? "",
      signal: stop.signal,
    });
    notBeforeMs = 0;
    settings.put(SETTING, { verdicts, model: ci.name }, now);
    log.info({ event: "workflow-started", model: ci.name, annotations: verdicts - last.verdicts });
  };

  let looking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look).catch((error: unknown) => {
      if (!stop.signal.aborted) log.warn({ event: "workflow-not-started", problem: described(error) });
    });
  }, parts.everyMs ?? EVERY_MS);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stop.abort(new Error("The server is stopping."));
      await looking;
    },
  };
}

/**
 * Asks the host to start the training workflow.
 * @throws AppError `remote-unreachable`, `remote-unauthorized`, `remote-invalid`, `not-found`, `egress-refused`: not started
 */
export async function startWorkflow(parts: {
  readonly ci: CiSettings;
  /** New verdicts that it is started for. */
  readonly annotations: number;
  readonly egress: Egress;
  /** May start workflows; empty for none. */
  readonly token: string;
  readonly signal: AbortSignal;
  readonly limits?: EgressLimits;
}): Promise<void> {
  const { ci, annotations, egress, token, signal, limits = LIMITS } = parts;
  const url = new URL(ci.dispatchUrl!);
  const body = bodyOf(ci, annotations);
  const headers = { "User-Agent": "kept" };
  const said = await askJson({ egress, purpose: "ci", url, method: "POST", headers, body, key: token, signal, limits });
  // Both hosts answer with 204 and nothing, and some versions name the run. A page for people is no start.
  if (said !== undefined && !startedRun.safeParse(said).success)
    throw new AppError("remote-invalid", `${url.host} did not say that it started the workflow.`);
}

/** GitHub's and Forgejo's word for the run. */
const startedRun = z.union([z.object({ workflow_run_id: z.int() }), z.object({ id: z.int() })]);

const described = (error: unknown): string =>
  error instanceof AppError ? `${error.message} [${error.code}]` : (error as Error).message;

/** A workflow is started by its branch (both hosts), a repository by the event that its workflows listen for (GitHub). */
const bodyOf = ({ dispatchUrl, ref, name }: CiSettings, annotations: number): unknown =>
  dispatchUrl!.includes("/actions/workflows/")
    ? { ref }
    : { event_type: "kept-annotations", client_payload: { model: name, annotations } };
