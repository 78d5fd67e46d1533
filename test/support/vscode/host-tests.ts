import { runHostSuite, type HostRun, type HostSuite } from "./extension-host.ts";

/** Runs the suite once inside a real extension host, and tells each of its tests again here by name. */
export async function tellHostTests(title: string, suite: HostSuite): Promise<void> {
  const run: HostRun | Error = await runHostSuite(suite).catch((error: unknown) => error as Error);
  describe(`${title}${run instanceof Error ? "" : ` (${run.host})`}`, () => {
    it("ran, and told of at least one test", () => {
      if (run instanceof Error) throw run;
      const outside = run.failures.filter((failure) => failure.title === "extension host");
      if (outside.length > 0) throw new Error(outside.map(({ error }) => error).join("\n"));
    });
    if (run instanceof Error) return;
    for (const test of run.tests) {
      it(test.title, () => {
        if (!test.passed) throw new Error(test.error ?? "failed");
      });
    }
  });
}
