import { runExtensionHostTests, type HostRun } from "../support/vscode/extension-host.ts";

/** The suite runs once inside a real extension host; each of its tests is told again here by name. */
const run: HostRun | Error = await runExtensionHostTests().catch((error: unknown) => error as Error);

describe(`extension host${run instanceof Error ? "" : ` (${run.host})`}`, () => {
  it("ran, and told of at least one test", () => {
    if (run instanceof Error) throw run;
    const outside = run.failures.filter(({ title }) => title === "extension host");
    if (outside.length > 0) throw new Error(outside.map(({ error }) => error).join("\n"));
  });

  if (run instanceof Error) return;
  for (const test of run.tests) {
    it(test.title, () => {
      if (!test.passed) throw new Error(test.error ?? "failed");
    });
  }
});
