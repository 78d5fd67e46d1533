import { launchChromium } from "../../support/browser/chromium.ts";
import { startCodeServer } from "../../support/vscode/code-server.ts";
import { GHOST } from "../../support/vscode/editor-page.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import type { HostState, Request } from "./log.ts";
import { build } from "esbuild";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Page } from "playwright-core";

/** A real VS Code in a browser, with the shipped extension inside the test-only wrapper. */
export interface EditorUnderTest extends AsyncDisposable {
  readonly page: Page;
  /** What the wrapper in the extension host answers. */
  ask<T = null>(request: Request): Promise<T>;
  state(since: number): Promise<HostState>;
  /** Every event that Kept has stored in this session. */
  events(): Promise<KeptEvent[]>;
  /** True while ghost text stands on the page. */
  hasGhost(): Promise<boolean>;
}

const root = path.resolve(import.meta.dirname, "../../..");
/** A page with the extension active takes 10 to 28 s. */
const READY_DEADLINE_MS = 120_000;
const POLL_MS = 100;
const ASK_DEADLINE_MS = 30_000;
const PROPOSAL = "inlineCompletionsAdditions";

export async function openEditorUnderTest(settings: Readonly<Record<string, unknown>>): Promise<EditorUnderTest> {
  const runDir = mkdtempSync(path.join(tmpdir(), "kept-labels-"));
  const stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(runDir, { recursive: true, force: true, maxRetries: 3 }));
  try {
    const extension = path.join(runDir, "extension");
    await writeExtension(extension);
    const folder = path.join(runDir, "workspace");
    mkdirSync(folder);
    const portFile = path.join(runDir, "port");
    const environment = {
      KEPT_LABELS_PORT_FILE: portFile,
      KEPT_LABELS_ANSWERS: path.join(runDir, "answers.json"),
      KEPT_DATA_DIR: path.join(runDir, "data"),
      KEPT_CONSENT: "allow",
    };
    writeFileSync(environment.KEPT_LABELS_ANSWERS, "[]");
    const server = stack.use(
      await startCodeServer({ runDir, environment, settings: { "kept.server.autoStart": false, ...settings } }),
    );
    const browser = await launchChromium();
    stack.defer(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const address = new URL(server.address({ folder, extension, environment }));
    const payload = JSON.parse(address.searchParams.get("payload")!) as [string, string][];
    address.searchParams.set("payload", JSON.stringify([...payload, ["enableProposedApi", ""]]));
    await page.goto(address.href);
    const port = await portOf(portFile);
    const ask = async <T>(request: Request): Promise<T> => {
      const response = await fetch(`http://127.0.0.1:${port}/`, {
        method: "POST",
        body: JSON.stringify(request),
        signal: AbortSignal.timeout(ASK_DEADLINE_MS),
      });
      if (!response.ok) throw new Error(`The extension host refused ${request.kind}: ${await response.text()}`);
      return (await response.json()) as T;
    };
    const editor: EditorUnderTest = {
      page,
      ask,
      state: (since) => ask<HostState>({ kind: "state", since }),
      events: () => ask<KeptEvent[]>({ kind: "events" }),
      hasGhost: async () => (await page.locator(GHOST).count()) > 0,
      [Symbol.asyncDispose]: () => stack.disposeAsync(),
    };
    while ((await editor.state(0)).engine !== "ready") await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    return editor;
  } catch (error) {
    await stack.disposeAsync();
    throw error;
  }
}

/** The extension's folder as it ships, with the wrapper as its entry and the answering engine. */
async function writeExtension(folder: string): Promise<void> {
  mkdirSync(path.join(folder, "dist"), { recursive: true });
  const manifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as Record<string, unknown>;
  writeFileSync(
    path.join(folder, "package.json"),
    JSON.stringify({
      ...manifest,
      main: "./dist/labels-extension.cjs",
      type: "commonjs",
      enabledApiProposals: [PROPOSAL],
    }),
  );
  for (const name of [
    "package.nls.json",
    "package.nls.de.json",
    "l10n",
    "media",
    "dist/extension.cjs",
    "dist/tracker.cjs",
  ])
    if (existsSync(path.join(root, name))) cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  const bundle = (entry: string, outfile: string) =>
    build({
      entryPoints: [path.join(import.meta.dirname, "in-host", entry)],
      outfile: path.join(folder, "dist", outfile),
      bundle: true,
      platform: "node",
      target: "node24",
      format: "cjs",
      external: ["vscode", "./extension.cjs"],
      logLevel: "warning",
    });
  await bundle("extension.ts", "labels-extension.cjs");
  await bundle("engine.ts", "engine.cjs");
}

async function portOf(file: string): Promise<number> {
  const deadline = performance.now() + READY_DEADLINE_MS;
  while (!existsSync(file)) {
    if (performance.now() > deadline) throw new Error("The extension under test did not start in time.");
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return Number(readFileSync(file, "utf8"));
}
