import { availableParallelism } from "node:os";
import path from "node:path";
import * as vscode from "vscode";
import type { Settings } from "../settings.ts";
import { endpointAddress } from "./endpoint/endpoint-address.ts";
import { connectEndpoint } from "./endpoint/endpoint-engine.ts";
import { superviseEngine, type EngineState, type EngineSupervisor } from "./engine-supervisor.ts";

/** Cores left to the editor and to the language servers. */
const CORES_LEFT = 1;
/** Origins that the person lets code go to, in the installation's own state: no setting can name one. */
const ALLOWED_KEY = "kept.endpoint.allowed";
const SECRET = "kept.endpoint.key";

interface Parts {
  readonly extension: vscode.ExtensionContext;
  readonly env: NodeJS.ProcessEnv;
  readonly settings: Settings;
  onState(state: EngineState): void;
  log(message: string): void;
}

/** The engine of this window: the one in this editor, or the model server that the settings name and the person allowed. */
export function openEngine(parts: Parts): EngineSupervisor {
  const { extension, settings, env, onState, log } = parts;
  const root = extension.extensionPath;
  const entry = path.join(root, "dist", "engine.cjs");
  const url = settings.endpoint === "" ? null : allowedEndpoint(parts);
  if (url) {
    const { endpointModel: model, endpointProtocol: protocol } = settings;
    const key = async () => (await extension.secrets.get(SECRET)) ?? null;
    return connectEndpoint({ url, model, protocol, key, entry, onState, log });
  }
  return superviseEngine({
    process: {
      entry,
      modelDir: settings.modelDirectory || env["KEPT_MODEL_DIR"] || path.join(root, "models", "base"),
      threads: settings.threads || Math.max(1, availableParallelism() - CORES_LEFT),
    },
    onState,
    log,
  });
}

/** Where suggestions may come from; null while they may not, and then the person is told why. */
function allowedEndpoint({ extension, settings, log }: Parts): URL | null {
  const address = endpointAddress(settings.endpoint);
  if (!address.ok) {
    log(`kept.model.endpoint is not used [${address.reason}].`);
    void vscode.window.showWarningMessage(
      address.reason === "not-encrypted"
        ? vscode.l10n.t(
            "Kept sends no code to {0}: it is another machine, and not encrypted. Use https.",
            settings.endpoint,
          )
        : vscode.l10n.t("Kept cannot use {0}: it is no address of a model server.", settings.endpoint),
    );
    return null;
  }
  const { url, isLoopback } = address;
  if (isLoopback || extension.globalState.get<readonly string[]>(ALLOWED_KEY, []).includes(url.origin)) return url;
  void askToAllow(extension, url);
  return null;
}

async function askToAllow(extension: vscode.ExtensionContext, { origin }: URL): Promise<void> {
  const allow = vscode.l10n.t("Send Code There");
  const answer = await vscode.window.showWarningMessage(
    vscode.l10n.t(
      "Suggestions are to come from {0}. For each of them Kept sends the code around the cursor, and examples from your other files, to that machine.",
      origin,
    ),
    allow,
  );
  if (answer !== allow) return;
  const before = extension.globalState.get<readonly string[]>(ALLOWED_KEY, []);
  await extension.globalState.update(ALLOWED_KEY, [...before, origin]);
  await vscode.commands.executeCommand("workbench.action.reloadWindow");
}

/** Asks for the key of the model server; an empty one removes it. */
export async function setEndpointKey({ secrets }: vscode.ExtensionContext): Promise<void> {
  const key = await vscode.window.showInputBox({
    title: vscode.l10n.t("Key of the model server"),
    prompt: vscode.l10n.t("Sent as a bearer token to the address of kept.model.endpoint alone. Empty removes it."),
    password: true,
    ignoreFocusOut: true,
  });
  if (key === undefined) return;
  if (key.trim() === "") await secrets.delete(SECRET);
  else await secrets.store(SECRET, key.trim());
}
