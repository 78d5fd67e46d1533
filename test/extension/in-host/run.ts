import { describeActivation } from "./activation.ts";
import { describeButtons } from "./buttons.ts";
import { describeConsent } from "./consent.ts";
import { describeRetention } from "./retention.ts";
import { describeSuggestions } from "./suggestions.ts";
import { describeSuggestionsView } from "./suggestions-view.ts";
import { describeServerLink } from "./server-link.ts";
import { diagnostics } from "./editor.ts";
import type { HostMeasures, HostTest } from "../../support/vscode/extension-host.ts";
import Mocha from "mocha";
import { writeFileSync } from "node:fs";

/** A cold model, a busy machine: a test waits for its condition this long at most. */
const TEST_DEADLINE_MS = 40_000;

/** Called by the editor. Writes what every test said to KEPT_TEST_RESULTS; rejects when one failed. */
export async function run(): Promise<void> {
  const file = process.env["KEPT_TEST_RESULTS"];
  if (!file) throw new Error("KEPT_TEST_RESULTS names no file.");
  const mocha = new Mocha({ ui: "bdd", timeout: TEST_DEADLINE_MS, reporter: "min" });
  mocha.suite.emit("pre-require", globalThis, "", mocha);
  describeActivation();
  describeConsent();
  describeSuggestions();
  describeRetention();
  describeButtons();
  describeSuggestionsView();
  describeServerLink();
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
  writeFileSync(`${file}.measures`, JSON.stringify(measure()));
  if (failures > 0) throw new Error(`${failures} tests failed in the extension host.`);
}

function measure(): HostMeasures {
  const { activationMs, editCostsMs } = diagnostics();
  const sorted = [...editCostsMs].sort((a, b) => a - b);
  return { activationMs, editP99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0, edits: sorted.length };
}
