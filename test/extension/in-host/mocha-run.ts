import type { HostTest } from "../../support/vscode/extension-host.ts";
import Mocha from "mocha";
import { writeFileSync } from "node:fs";

/** A cold model, a busy machine: each of a test's conditions is waited for by its own deadline. */
const TEST_DEADLINE_MS = 120_000;

/** Runs what `describeAll` describes; every result is in KEPT_TEST_RESULTS at once. Rejects when one failed. */
export async function runMocha(describeAll: () => void, timeout: number = TEST_DEADLINE_MS): Promise<void> {
  const file = resultsFile();
  const mocha = new Mocha({ ui: "bdd", timeout, reporter: "min" });
  mocha.suite.emit("pre-require", globalThis, "", mocha);
  describeAll();
  const tests: HostTest[] = [];
  const failures = await new Promise<number>((resolve) => {
    const runner = mocha.run(resolve);
    const tell = (test: Mocha.Runnable, error: Error | null) => {
      tests.push({
        title: test.fullTitle(),
        passed: error === null,
        ms: test.duration ?? 0,
        error: error?.stack ?? null,
      });
      writeFileSync(file, JSON.stringify(tests));
    };
    runner.on("pass", (test) => tell(test, null));
    runner.on("fail", (test, error: Error) => tell(test, error));
    runner.on("pending", (test) => tell(test, new Error("pending")));
  });
  if (failures > 0) throw new Error(`${failures} tests failed in the extension host.`);
}

export function resultsFile(): string {
  const file = process.env["KEPT_TEST_RESULTS"];
  if (!file) throw new Error("KEPT_TEST_RESULTS names no file.");
  return file;
}
