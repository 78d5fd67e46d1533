// `npm run test:webgpu`: fetches a software Vulkan driver into .cache/vulkan and runs the WebGPU tests with it.
// The last line of stdout is `N passed, N failed`; without a driver the tests fail.
import { node24, root, say, underNode24 } from "./setup.mjs";
import { ensureVulkan } from "./vulkan.mjs";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

await underNode24(import.meta.url);

/** Longest that the tests may take on 2 busy cores, minutes: every shader is compiled there. */
const LIMIT_MINUTES = 20;

const dir = mkdtempSync(path.join(tmpdir(), "kept-test-webgpu-"));
let counts = { passed: 0, failed: 1 };
try {
  const driver = await ensureVulkan();
  say(`Vulkan driver: ${driver.VK_ICD_FILENAMES ?? process.env.VK_ICD_FILENAMES}`);
  counts = await runTests(driver);
} catch (error) {
  say(`kept: ${error.message}`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);

async function runTests(driver) {
  const report = path.join(dir, "report.json");
  const mocha = path.join(root, "node_modules/mocha/bin/mocha.js");
  const reporter = path.join(root, "scripts/mocha-reporter.cjs");
  const child = spawn(node24(), [mocha, "--reporter", reporter, "test/webgpu/**/*.test.ts"], {
    cwd: root,
    // Findings about this driver are of no use to anyone else.
    env: { ...process.env, ...driver, KEPT_TEST_REPORT: report, XDG_CACHE_HOME: dir },
    stdio: ["ignore", process.stderr, process.stderr],
    timeout: LIMIT_MINUTES * 60_000,
    killSignal: "SIGKILL",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill("SIGKILL"));
  const code = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(signal ?? code));
  });
  let result = null;
  try {
    result = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    say(`The tests ended early (${code}).`);
  }
  const { passed = 0, failed = 0, pending = 0, ended = false } = result ?? {};
  const bad = failed + pending + (ended ? 0 : 1);
  return { passed, failed: code === 0 && passed > 0 ? bad : Math.max(bad, 1) };
}
