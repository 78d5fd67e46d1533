import { deployment as deploymentSchema, type Deployment } from "../../protocol/api.ts";
import type { EngineSupervisor } from "../suggest/engine-supervisor.ts";
import type { HoldBack } from "../suggest/hold-back.ts";
import type { ExampleSource } from "../suggest/example-source.ts";
import { fetchAdapter, type LocalAdapter } from "./adapter-store.ts";
import type { ServerConnection } from "./server-discovery.ts";
import { ask } from "./server-request.ts";
import { access } from "node:fs/promises";

/** What of an editor's storage this needs: `vscode.Memento` fits. */
export interface Memory {
  get<T>(key: string): T | undefined;
  update(key: string, value: unknown): PromiseLike<void>;
}

/** Brings this window to what the server says it should serve: adapter and examples. */
export interface DeploymentSync {
  /** Called on connecting: reads the deployment and the examples as they stand. */
  join(connection: ServerConnection, signal: AbortSignal): Promise<void>;
  apply(deployment: Deployment): void;
  refreshExamples(): void;
}

export interface DeploymentSyncOptions {
  /** Folder that adapters are kept in. */
  readonly dir: string;
  readonly memento: Memory;
  readonly engine: EngineSupervisor;
  readonly holdBack: HoldBack;
  readonly examples: ExampleSource;
  roots(): readonly string[];
  log(message: string): void;
}

const LAST_ADAPTER_KEY = "kept.lastAdapter";

export function createDeploymentSync(options: DeploymentSyncOptions): DeploymentSync {
  const { engine, examples, log } = options;
  let current: { connection: ServerConnection; signal: AbortSignal } | null = null;
  let working: Promise<void> = Promise.resolve();

  /** One change at a time, in the order of the pushes. */
  const inTurn = (
    what: string,
    task: (connection: ServerConnection, signal: AbortSignal) => Promise<void>,
  ): Promise<void> => {
    working = working.then(async () => {
      if (!current || current.signal.aborted) return;
      try {
        await task(current.connection, current.signal);
      } catch (error) {
        log(`${what} failed: ${(error as Error).message}`);
      }
    });
    return working;
  };

  const serve = async (deployment: Deployment, connection: ServerConnection, signal: AbortSignal) => {
    if (engine.model && deployment.base !== engine.model.sha256) {
      log("The server's base model is another than this editor's: its adapter is not used.");
      return;
    }
    options.holdBack.use(deployment.filter ?? null);
    const { canary } = deployment;
    const inUse = [deployment.adapter?.version, canary?.adapter.version].filter((name) => name !== undefined);
    const bring = (version: NonNullable<Deployment["adapter"]>) =>
      fetchAdapter(options.dir, connection, version, signal, inUse);
    const adapter = deployment.adapter ? await bring(deployment.adapter) : null;
    const trial = canary ? { adapter: await bring(canary.adapter), share: canary.share } : null;
    await engine.serveWith(adapter, trial);
    await options.memento.update(LAST_ADAPTER_KEY, adapter ?? undefined);
  };

  const refreshExamples = () =>
    inTurn("Reading the examples", (connection, signal) => examples.refresh(connection, options.roots(), signal));

  // Suggestions go on with the adapter served last while no server answers.
  const last = options.memento.get<LocalAdapter>(LAST_ADAPTER_KEY);
  if (last) {
    access(last.dir)
      .then(() => engine.serveWith(last))
      .catch((error: Error) => log(`The last adapter could not be loaded: ${error.message}`));
  }

  return {
    join(connection, signal) {
      current = { connection, signal };
      void refreshExamples();
      return inTurn("Reading the deployment", async () => {
        const answer = await ask(connection, deploymentSchema, "GET", "/v1/deployment", null, signal);
        if (answer.ok) await serve(answer.value, connection, signal);
      });
    },
    apply(deployment) {
      void inTurn("Changing the adapter", (connection, signal) => serve(deployment, connection, signal));
    },
    refreshExamples() {
      void refreshExamples();
    },
  };
}
