import { downloadAndUnzipVSCode, runTests, TestRunFailedError } from "@vscode/test-electron";
import path from "node:path";

const PROBE_ADDRESS = "https://update.code.visualstudio.com/api/releases/stable";
const PROBE_DEADLINE_MS = 3_000;

/** Desktop VS Code to test in, or null where there is none: no display, or no way to download it. */
export async function desktopExecutable(): Promise<string | null> {
  const given = process.env["KEPT_VSCODE_EXECUTABLE"];
  if (given) return given;
  if (process.platform === "linux" && !process.env["DISPLAY"]) return null;
  try {
    const answer = await fetch(PROBE_ADDRESS, { signal: AbortSignal.timeout(PROBE_DEADLINE_MS) });
    return answer.ok ? await downloadAndUnzipVSCode() : null;
  } catch {
    return null;
  }
}

export interface DesktopRun {
  readonly executable: string;
  readonly root: string;
  readonly suite: string;
  readonly workspace: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly runDir: string;
}

/** What went wrong outside of the tests, or null. Failed tests are a verdict, told by the results file. */
export async function runInDesktop({
  executable,
  root,
  suite,
  workspace,
  environment,
  runDir,
}: DesktopRun): Promise<string | null> {
  try {
    await runTests({
      vscodeExecutablePath: executable,
      extensionDevelopmentPath: root,
      extensionTestsPath: suite,
      extensionTestsEnv: { ...environment },
      launchArgs: [
        workspace,
        "--user-data-dir",
        path.join(runDir, "ud"),
        "--disable-extensions",
        "--disable-workspace-trust",
      ],
    });
    return null;
  } catch (error) {
    return error instanceof TestRunFailedError ? null : `desktop VS Code did not run: ${(error as Error).message}`;
  }
}
