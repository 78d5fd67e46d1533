// `npm test [-- suite…]`: installs what the suites need, runs each in its own process, counts.
// The last line of stdout is `N passed, N failed`; a pending test, a crash or an empty suite is a failure.
import { ensureBuilt, node24, root, say, underNode24 } from "./setup.mjs";
import { ensureProgram } from "./debian.mjs";
import { ensureChromium, ensureEditor } from "./browsers.mjs";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { styleText } from "node:util";

await underNode24(import.meta.url);

/** Suites in order, with the longest each may take, in minutes. All together end within 30 on 2 cores. */
const SUITES = [
  { name: "unit", minutes: 5 },
  { name: "tidy", minutes: 2, needs: ["build"] },
  { name: "contract", minutes: 3 },
  { name: "integration", minutes: 12, needs: ["build"] },
  { name: "server", minutes: 8, needs: ["build"] },
  { name: "deployment", minutes: 15, needs: ["systemd"] },
  { name: "faults", minutes: process.env.KEPT_FAULTS === "full" ? 40 : 12, needs: ["build", "compiler"] },
  { name: "browser", minutes: 7, needs: ["build", "chromium"], byHand: true },
  { name: "extension", minutes: 16, needs: ["build", "editor"], byHand: true },
  { name: "package", minutes: 5, needs: ["build", "chromium", "editor"], byHand: true },
  { name: "e2e", minutes: 12, needs: ["build", "chromium", "editor"], byHand: true },
];
/**
 * Suites `byHand` press keys in an editor or browser that others wrote, and now and then that loses a key.
 * There a file with a failure is run once more, alone: what passes then is counted as passed, and named as
 * unsteady beside the totals. More failing files than this are a break, and are not run again.
 */
const MOST_FILES_AGAIN = 3;
/**
 * Code as it was compiled before: tests start many processes from source, and this halves what a start costs.
 * Editors go without, as they do with people.
 */
const COMPILED = path.join(root, ".cache/compile");
/** A suite whose tests have ended must let its process end too, milliseconds. */
const EXIT_GRACE_MS = 10_000;

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const unknown = wanted.filter((name) => !SUITES.some((suite) => suite.name === name));
if (unknown.length > 0) {
  say(`kept: no suite called ${unknown.join(", ")}. Suites: ${SUITES.map((suite) => suite.name).join(", ")}.`);
  process.exit(2);
}
const suites = SUITES.filter((suite) => wanted.length === 0 || wanted.includes(suite.name));

/** The power cut is a small library in C that the processes under test are preloaded with. */
const ensureCompiler = async () => void (await ensureProgram(["cc"], ["gcc", "libc6-dev"]));
const ensureSystemd = async () => void (await ensureProgram(["systemd-analyze"], ["systemd"]));
const needs = {
  systemd: ensureSystemd,
  build: ensureBuilt,
  compiler: ensureCompiler,
  chromium: ensureChromium,
  editor: ensureEditor,
};
const met = new Map();
let running = null;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (running) stopGroup(running, "SIGKILL");
    process.exit(130);
  });
}

let passed = 0;
let failed = 0;
const unsteady = [];
for (const suite of suites) {
  const unmet = await meet(suite.needs ?? []);
  const result = unmet
    ? { passed: 0, failed: 1, seconds: 0, problem: unmet, files: {} }
    : await runWithSecondLook(suite);
  passed += result.passed;
  failed += result.failed;
  const line = `${result.failed === 0 ? "✓" : "✗"} ${suite.name}: ${result.passed} passed, ${result.failed} failed, ${result.seconds} s`;
  say(styleText(result.failed === 0 ? "green" : "red", result.problem ? `${line} (${result.problem})` : line));
}
if (unsteady.length > 0) say(`Unsteady, failed once and passed when run again:\n  ${unsteady.join("\n  ")}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** Prepare what a suite needs, once each; says what could not be had. */
async function meet(names) {
  for (const name of names) {
    if (!met.has(name)) {
      try {
        const extra = await needs[name]();
        Object.assign(process.env, extra ?? {});
        met.set(name, null);
      } catch (error) {
        met.set(name, `${name}: ${error.message}`);
      }
    }
    if (met.get(name)) return met.get(name);
  }
  return null;
}

async function runWithSecondLook(suite) {
  const result = await runSuite(suite);
  const again = Object.entries(result.files).filter(([, { failed, pending }]) => failed + pending > 0);
  const isKnown = again.every(([file]) => file !== "");
  if (!suite.byHand || result.problem || !isKnown || again.length === 0 || again.length > MOST_FILES_AGAIN)
    return result;
  say(`${suite.name}: once more ${again.map(([file]) => path.relative(root, file)).join(", ")}…`);
  const second = await runSuite(
    suite,
    again.map(([file]) => path.relative(root, file)),
  );
  const still = new Set(Object.values(second.files).flatMap(({ failures }) => failures));
  unsteady.push(...again.flatMap(([, { failures }]) => failures).filter((name) => !still.has(name)));
  const sum = (counts) => again.reduce((total, [, file]) => total + counts(file), 0);
  return {
    ...second,
    // The files that ran twice count as they did the second time.
    passed: result.passed - sum((file) => file.passed) + second.passed,
    failed: result.failed - sum((file) => file.failed + file.pending) + second.failed,
    seconds: result.seconds + second.seconds,
  };
}

async function runSuite(suite, files = [`test/${suite.name}/**/*.test.ts`]) {
  const dir = mkdtempSync(path.join(tmpdir(), "kept-test-"));
  const report = path.join(dir, "report.json");
  const env = {
    ...process.env,
    PATH: `${path.join(root, "node_modules/.bin")}${path.delimiter}${process.env.PATH}`,
    KEPT_TEST_REPORT: report,
    ...(suite.needs?.includes("editor") ? {} : { NODE_COMPILE_CACHE: COMPILED }),
  };
  const mocha = [
    path.join(root, "node_modules/mocha/bin/mocha.js"),
    "--reporter",
    path.join(root, "scripts/mocha-reporter.cjs"),
  ];
  const started = performance.now();
  say(`${suite.name}…`);
  const child = spawn(node24(), [...mocha, ...files], {
    cwd: root,
    env,
    stdio: ["ignore", process.stderr, process.stderr],
    detached: process.platform !== "win32",
  });
  running = child;
  let problem = null;
  const limit = setTimeout(() => {
    problem = `stopped after ${suite.minutes} min`;
    stopGroup(child, "SIGKILL");
  }, suite.minutes * 60_000);
  const watch = setInterval(() => {
    if (!read(report)?.ended) return;
    clearInterval(watch);
    setTimeout(() => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      problem = "its process did not end after the last test: something was left open";
      stopGroup(child, "SIGKILL");
    }, EXIT_GRACE_MS).unref();
  }, 500);
  const code = await new Promise((resolve) => child.once("exit", (code, signal) => resolve(signal ?? code)));
  clearTimeout(limit);
  clearInterval(watch);
  running = null;
  // Whatever a test started and left behind goes with its suite.
  stopGroup(child, "SIGKILL");
  const counts = read(report) ?? { passed: 0, failed: 0, pending: 0, ended: false, files: {} };
  rmSync(dir, { recursive: true, force: true });
  if (!problem && !counts.ended) problem = `ended early (${code})`;
  if (!problem && counts.passed + counts.failed + counts.pending === 0) problem = "has no test";
  if (!problem && code !== 0 && counts.failed + counts.pending === 0) problem = `exit code ${code}`;
  const failures = counts.failed + counts.pending + (problem ? 1 : 0);
  return {
    passed: counts.passed,
    failed: failures,
    files: counts.files,
    seconds: Math.round((performance.now() - started) / 1000),
    problem,
  };
}

function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return null;
  }
}

function stopGroup(child, signal) {
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
