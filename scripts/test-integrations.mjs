// `npm run test:integrations [-- --record]`: installs MLflow and Label Studio into environments of their own below
// .cache/, starts them on loopback and runs the whole way with them. `--record` writes the recordings of
// test/fixtures/recorded anew. The last line of stdout is `N passed, N failed`.
import { ensureBuilt, node24, root, say, underNode24 } from "./setup.mjs";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

await underNode24(import.meta.url);

/** Longest that all of it may take on 2 busy cores with an install, minutes. */
const LIMIT_MINUTES = 45;

const dir = mkdtempSync(path.join(tmpdir(), "kept-test-integrations-"));
const report = path.join(dir, "report.json");
await ensureBuilt();
const mocha = path.join(root, "node_modules/mocha/bin/mocha.js");
const reporter = path.join(root, "scripts/mocha-reporter.cjs");
const files = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const child = spawn(
  node24(),
  [mocha, "--reporter", reporter, ...(files.length > 0 ? files : ["test/integrations/*.test.ts"])],
  {
    cwd: root,
    env: {
      ...process.env,
      KEPT_TEST_REPORT: report,
      ...(process.argv.includes("--record") ? { KEPT_RECORD: "1" } : {}),
    },
    stdio: ["ignore", "inherit", "inherit"],
  },
);
const limit = setTimeout(() => child.kill("SIGKILL"), LIMIT_MINUTES * 60_000);
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
const code = await new Promise((resolve) => child.once("exit", (status) => resolve(status ?? 1)));
clearTimeout(limit);
let counts = { passed: 0, failed: 1 };
try {
  const { passed, failed, pending, ended } = JSON.parse(readFileSync(report, "utf8"));
  const bad = failed + pending + (ended ? 0 : 1);
  counts = { passed, failed: code === 0 && passed > 0 ? bad : Math.max(bad, 1) };
} catch {
  say("kept: the tests left no report.");
} finally {
  rmSync(dir, { recursive: true, force: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);
