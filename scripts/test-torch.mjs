// `npm run test:torch`: installs the torch backend (a virtual environment in the platform's cache folder) and
// runs its tests, in Python and in TypeScript. The last line of stdout is `N passed, N failed`.
import { ensureBuilt, node24, root, say, underNode24 } from "./setup.mjs";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

await underNode24(import.meta.url);

/** Longest that either half may take on 2 busy cores, minutes. */
const LIMIT_MINUTES = 20;

const controller = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => controller.abort());
const dir = mkdtempSync(path.join(tmpdir(), "kept-test-torch-"));
const counts = { passed: 0, failed: 0 };
try {
  const { preparePython } = await import("../server/training/torch/python-environment.ts");
  const { python } = await preparePython(process.env, say, controller.signal);
  say(`Python: ${python}`);
  await ensureBuilt();
  add("python", await pythonTests(python));
  add("typescript", await typescriptTests(python));
} catch (error) {
  say(`kept: ${error.message} ${error.hint ?? ""}`);
  counts.failed++;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(controller.signal.aborted ? 130 : counts.failed === 0 ? 0 : 1);

function add(name, { passed, failed }) {
  say(`${failed === 0 ? "✓" : "✗"} ${name}: ${passed} passed, ${failed} failed`);
  counts.passed += passed;
  counts.failed += failed;
}

/** unittest prints `Ran N tests` and, in the end, `FAILED (failures=1, errors=2, skipped=3)` or `OK`. */
async function pythonTests(python) {
  const { code, output } = await run(
    python,
    ["-m", "unittest", "discover", "--start-directory", "test/torch", "--verbose"],
    {
      OMP_NUM_THREADS: "1",
      PYTHONDONTWRITEBYTECODE: "1",
    },
  );
  const ran = Number(/^Ran (\d+) tests?/m.exec(output)?.[1] ?? 0);
  const last = /^(?:FAILED|OK)(?: \((.*)\))?$/m.exec(output)?.[1] ?? "";
  const bad = [...last.matchAll(/\w+=(\d+)/g)].reduce((sum, [, n]) => sum + Number(n), 0);
  const failed = code === 0 && ran > 0 ? bad : Math.max(bad, 1);
  return { passed: Math.max(0, ran - failed), failed };
}

async function typescriptTests(python) {
  const report = path.join(dir, "report.json");
  const mocha = path.join(root, "node_modules/mocha/bin/mocha.js");
  const reporter = path.join(root, "scripts/mocha-reporter.cjs");
  const { code } = await run(node24(), [mocha, "--reporter", reporter, "test/torch/**/*.test.ts"], {
    KEPT_TEST_REPORT: report,
    KEPT_PYTHON: python,
  });
  try {
    const { passed, failed, pending, ended } = JSON.parse(readFileSync(report, "utf8"));
    const bad = failed + pending + (ended ? 0 : 1);
    return { passed, failed: code === 0 && passed > 0 ? bad : Math.max(bad, 1) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

/** Runs in a process group of its own, which ends as a whole; what it says goes to stderr as it comes. */
function run(command, args, env) {
  const detached = process.platform !== "win32";
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached,
  });
  const end = () => {
    try {
      if (detached) process.kill(-child.pid, "SIGKILL");
      else child.kill("SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  };
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
      process.stderr.write(chunk);
    });
  }
  const limit = setTimeout(end, LIMIT_MINUTES * 60_000);
  controller.signal.addEventListener("abort", end);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      clearTimeout(limit);
      end();
      resolve({ code: code ?? 1, output });
    });
  });
}
