import { installCodeServer, node24 } from "./install.ts";
import { spawn, type ChildProcess } from "node:child_process";
import { createWriteStream, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";

/** A running code-server with a user folder of its own. */
export interface CodeServer extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** Address of the editor on a folder, with an extension from its source folder. */
  address(options: {
    folder: string;
    extension?: string;
    tests?: string;
    environment?: Readonly<Record<string, string>>;
  }): string;
}

export interface CodeServerOptions {
  /** Folder for settings, state and logs of this run; made when missing. */
  readonly runDir: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly port?: number;
  /** Whether every folder is trusted; it is, unless said otherwise. Then none is, and nobody is asked. */
  readonly isTrusted?: boolean;
  /** Display language of the editor; English, unless said otherwise. */
  readonly locale?: string;
  /** Driven by a test: with the extension from its folder, and without toasts. It is, unless said otherwise. */
  readonly isDriven?: boolean;
  /** Asked for at the door; without one everybody on this machine may come in. */
  readonly password?: string;
}

const HEALTHY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 5_000;

const SWITCHES = [
  "--disable-telemetry",
  "--disable-update-check",
  "--disable-getting-started-override",
  "--disable-proxy",
];

const SETTINGS = {
  "chat.disableAIFeatures": true,
  "workbench.startupEditor": "none",
  "workbench.secondarySideBar.defaultVisibility": "hidden",
  "workbench.tips.enabled": false,
  "telemetry.telemetryLevel": "off",
  "extensions.autoUpdate": false,
  "extensions.ignoreRecommendations": true,
  "editor.quickSuggestions": { other: "off", comments: "off", strings: "off" },
  "editor.suggestOnTriggerCharacters": false,
  "editor.parameterHints.enabled": false,
  "editor.wordBasedSuggestions": "off",
  "editor.minimap.enabled": false,
  "files.autoSave": "off",
  "git.openRepositoryInParentFolders": "never",
  "typescript.disableAutomaticTypeAcquisition": true,
};

export async function startCodeServer(options: CodeServerOptions): Promise<CodeServer> {
  const packageDir = await installCodeServer();
  const { runDir } = options;
  const userDir = path.join(runDir, "ud/User");
  mkdirSync(userDir, { recursive: true });
  mkdirSync(path.join(runDir, "ext"), { recursive: true });
  const isTrusted = options.isTrusted ?? true;
  const trust = {
    "security.workspace.trust.enabled": !isTrusted,
    "security.workspace.trust.startupPrompt": "never",
  };
  const settings = JSON.stringify({ ...SETTINGS, ...trust, ...options.settings }, null, 2);
  writeFileSync(path.join(userDir, "settings.json"), settings);
  // Settings of machine scope are read on the side where extensions run.
  mkdirSync(path.join(runDir, "ud/Machine"), { recursive: true });
  writeFileSync(path.join(runDir, "ud/Machine/settings.json"), settings);
  writeFileSync(path.join(runDir, "config.yaml"), "");
  if (options.locale !== undefined) writeLanguagePack(path.join(runDir, "ud"), options.locale);
  const port = options.port ?? (await freePort());
  const auth = options.password === undefined ? "none" : "password";
  const flags: Readonly<Record<string, string>> = {
    "--config": path.join(runDir, "config.yaml"),
    "--auth": auth,
    "--bind-addr": `127.0.0.1:${port}`,
    "--user-data-dir": path.join(runDir, "ud"),
    "--extensions-dir": path.join(runDir, "ext"),
    ...((options.isDriven ?? true) ? { "--vscode-option": "enable-smoke-test-driver" } : {}),
    ...(options.locale === undefined ? {} : { "--locale": options.locale }),
  };
  const args = [path.join(packageDir, "out/node/entry.js"), ...Object.entries(flags).flat(), ...SWITCHES];
  if (isTrusted) args.push("--disable-workspace-trust");
  const child = spawn(node24, args, {
    env: {
      ...process.env,
      ...options.environment,
      XDG_CONFIG_HOME: path.join(runDir, "config"),
      PORT: "",
      ...(options.password === undefined ? {} : { PASSWORD: options.password }),
    },
    stdio: ["ignore", "pipe", "pipe"],
    detached: process.platform !== "win32",
  });
  const log = createWriteStream(path.join(runDir, "code-server.log"));
  child.stdout.pipe(log);
  child.stderr.pipe(log, { end: false });
  try {
    await healthy(port, child);
  } catch (error) {
    await stop(child);
    throw error;
  }
  return {
    port,
    pid: child.pid ?? 0,
    address({ folder, extension, tests, environment }) {
      const remote = (file: string) => `vscode-remote://127.0.0.1:${port}${file}`;
      const payload: [string, string][] = [];
      if (extension) payload.push(["extensionDevelopmentPath", remote(extension)]);
      if (tests) payload.push(["extensionTestsPath", remote(tests)]);
      if (environment) payload.push(["extensionEnvironment", JSON.stringify(environment)]);
      return `http://127.0.0.1:${port}/?folder=${encodeURIComponent(folder)}&payload=${encodeURIComponent(JSON.stringify(payload))}`;
    },
    [Symbol.asyncDispose]: () => stop(child),
  };
}

/**
 * Tells the editor of a language pack, in the file that it keeps of those installed. The pack says nothing: the
 * editor's own words stay English, and those of extensions are looked for in its language.
 */
function writeLanguagePack(userDataDir: string, locale: string): void {
  const translations = path.join(userDataDir, "language-pack.json");
  writeFileSync(translations, JSON.stringify({ version: "1.0.0", contents: {} }));
  const extensions = [{ extensionIdentifier: { id: `kept.language-pack-${locale}` }, version: "1.0.0" }];
  const pack = { hash: `kept-${locale}`, label: locale, extensions, translations: { vscode: translations } };
  writeFileSync(path.join(userDataDir, "languagepacks.json"), JSON.stringify({ [locale]: pack }));
}

/** A loopback port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

async function healthy(port: number, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + HEALTHY_DEADLINE_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`code-server ended with code ${child.exitCode}.`);
    try {
      const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(1_000) });
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("code-server did not answer in time.");
}

/** Ends code-server and what it started: it leads a process group of its own. */
async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const signal = (name: NodeJS.Signals) => {
    try {
      if (process.platform === "win32") child.kill(name);
      else process.kill(-child.pid!, name);
    } catch {
      // Gone already.
    }
  };
  signal("SIGTERM");
  const timer = setTimeout(() => signal("SIGKILL"), STOP_DEADLINE_MS);
  await gone;
  clearTimeout(timer);
  signal("SIGKILL");
}
