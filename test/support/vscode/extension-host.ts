import { launchChromium } from "../browser/chromium.ts";
import { startCodeServer } from "./code-server.ts";
import { desktopExecutable, runInDesktop } from "./desktop.ts";
import { build } from "esbuild";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** One test that ran inside the extension host. */
export interface HostTest {
  readonly title: string;
  readonly passed: boolean;
  readonly ms: number;
  readonly error: string | null;
}

export interface HostRun {
  readonly passed: number;
  readonly failed: number;
  readonly failures: readonly { title: string; error: string }[];
  readonly tests: readonly HostTest[];
  /** `desktop` or `code-server`. */
  readonly host: string;
  /** What a run left in `<results>.report`, or null. */
  readonly report: unknown;
  /** Null when the host did not come that far. */
  readonly measured: HostMeasures | null;
}

/** What the run cost, for reports: no test has a threshold on it. */
export interface HostMeasures {
  readonly activationMs: number;
  /** 99th percentile of the time in edit handlers. */
  readonly editP99Ms: number;
  readonly edits: number;
}

const root = path.resolve(import.meta.dirname, "../../..");
/** From the page's first byte to the last test: a cold editor takes up to 30 s. */
const RUN_DEADLINE_MS = 420_000;

/**
 * Runs `test/extension/in-host/` inside a real extension host: desktop VS Code where there is one,
 * otherwise code-server. A missing or empty results file is a failure, whatever the editor says.
 */
export function runExtensionHostTests(): Promise<HostRun> {
  return runHostSuite({ entry: "test/extension/in-host/run.ts" });
}

/** A run of its own: one editor, one workspace, one file of tests. */
export interface HostSuite {
  /** The file whose `run` the editor calls, from the repository's root. */
  readonly entry: string;
  /** Beside what every run has. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Makes the folder that is opened; without it, a small one with one file. Gets the run's folder. */
  readonly workspace?: (runDir: string) => string;
  /** Whether the folder is trusted; it is, unless said otherwise. */
  readonly isTrusted?: boolean;
  /** From the page's first byte to the last test, milliseconds. */
  readonly deadlineMs?: number;
}

export async function runHostSuite(wanted: HostSuite): Promise<HostRun> {
  const runDir = mkdtempSync(path.join(tmpdir(), "kept-host-"));
  try {
    const suite = path.join(root, "dist/test", `${wanted.entry.replaceAll("/", "-")}.cjs`);
    await build({
      entryPoints: [path.join(root, wanted.entry)],
      outfile: suite,
      bundle: true,
      platform: "node",
      target: "node24",
      format: "cjs",
      sourcemap: "inline",
      external: ["vscode", "mocha"],
      logLevel: "warning",
    });
    const results = path.join(runDir, "results.json");
    const workspace = wanted.workspace?.(runDir) ?? writeWorkspace(path.join(runDir, "workspace"));
    const environment = {
      KEPT_TEST_RESULTS: results,
      KEPT_DATA_DIR: path.join(runDir, "data"),
      // The late looks are for a machine that is busy when a test gets to them.
      KEPT_RETENTION_SCHEDULE_MS: "300,900,3000,8000,20000,45000",
      KEPT_DIAGNOSTICS_MS: "5000",
      ...wanted.environment,
    };
    // Only code-server is started with settings and trust of a run's own.
    const isPlain = wanted.settings === undefined && wanted.isTrusted !== false;
    const executable = isPlain ? await desktopExecutable() : null;
    const host = executable === null ? "code-server" : "desktop";
    const problem =
      executable === null
        ? await runInCodeServer({ runDir, suite, workspace, environment, results, wanted })
        : await runInDesktop({ executable, root, suite, workspace, environment, runDir });
    return readResults(results, host, problem);
  } finally {
    rmSync(runDir, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface CodeServerRun {
  readonly runDir: string;
  readonly suite: string;
  readonly workspace: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly results: string;
  readonly wanted: HostSuite;
}

/** What went wrong outside of the tests, or null. */
async function runInCodeServer({
  runDir,
  suite,
  workspace,
  environment,
  results,
  wanted,
}: CodeServerRun): Promise<string | null> {
  await using server = await startCodeServer({
    runDir,
    environment,
    // The tests start and stop the server themselves.
    settings: { "kept.server.autoStart": false, ...wanted.settings },
    isTrusted: wanted.isTrusted ?? true,
  });
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    const ended = Promise.withResolvers<number>();
    await page.exposeFunction("codeAutomationLog", () => {});
    await page.exposeFunction("codeAutomationExit", (code: number) => ended.resolve(code));
    await page.goto(server.address({ folder: workspace, extension: root, tests: suite, environment }));
    const deadline = Promise.withResolvers<"late">();
    const timer = setTimeout(() => deadline.resolve("late"), wanted.deadlineMs ?? RUN_DEADLINE_MS);
    const end = await Promise.race([ended.promise, deadline.promise]);
    clearTimeout(timer);
    if (end === "late") return "the extension host did not end in time";
    return end === 0 || existsSync(results) ? null : `the extension host ended with code ${end}`;
  } finally {
    await browser.close();
  }
}

function readResults(file: string, host: string, problem: string | null): HostRun {
  const tests = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as HostTest[]) : [];
  const measures = `${file}.measures`;
  const measured = existsSync(measures) ? (JSON.parse(readFileSync(measures, "utf8")) as HostMeasures) : null;
  const failures = tests
    .filter(({ passed }) => !passed)
    .map(({ title, error }) => ({ title, error: error ?? "failed" }));
  if (problem !== null) failures.push({ title: "extension host", error: problem });
  if (tests.length === 0) failures.push({ title: "extension host", error: "no test reported a result" });
  return {
    passed: tests.filter(({ passed }) => passed).length,
    failed: failures.length,
    failures,
    tests,
    host,
    measured,
    report: existsSync(`${file}.report`) ? JSON.parse(readFileSync(`${file}.report`, "utf8")) : null,
  };
}

function writeWorkspace(workspace: string): string {
  mkdirSync(path.join(workspace, "src"), { recursive: true });
  const point = "export function addPoint(a: Point, b: Point): Point {\n  return { x: a.x + b.x, y: a.y + b.y };\n}\n";
  writeFileSync(
    path.join(workspace, "src/point.ts"),
    `export interface Point {\n  x: number;\n  y: number;\n}\n\n${point}`,
  );
  writeFileSync(path.join(workspace, ".env"), "API_TOKEN=notreal\n");
  writeFileSync(path.join(workspace, ".gitignore"), "build/\n");
  return workspace;
}
