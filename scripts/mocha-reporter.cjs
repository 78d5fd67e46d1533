// Reporter of `npm test`: failures as they happen on stderr, counts in the file named by KEPT_TEST_REPORT:
// in all, and of each test file, so that a file can be run again alone.
const { writeFileSync } = require("node:fs");
const { styleText } = require("node:util");

const SLOWEST_SHOWN = 3;

module.exports = function KeptReporter(runner) {
  const counts = { passed: 0, failed: 0, pending: 0, ended: false, slowest: [], files: {} };
  const ofFile = (test) => (counts.files[test.file ?? ""] ??= { passed: 0, failed: 0, pending: 0, failures: [] });
  const save = () => {
    counts.slowest = counts.slowest.sort((a, b) => b.ms - a.ms).slice(0, SLOWEST_SHOWN);
    if (process.env.KEPT_TEST_REPORT) writeFileSync(process.env.KEPT_TEST_REPORT, JSON.stringify(counts));
  };
  // Saved after every test, so that a suite that is killed still says how far it came.
  runner.on("pass", (test) => {
    counts.passed += 1;
    ofFile(test).passed += 1;
    counts.slowest.push({ name: test.fullTitle(), ms: test.duration ?? 0 });
    if (process.env.KEPT_TEST_VERBOSE) process.stderr.write(`  ✓ ${test.fullTitle()} (${test.duration} ms)\n`);
    save();
  });
  runner.on("pending", (test) => {
    counts.pending += 1;
    ofFile(test).pending += 1;
    process.stderr.write(styleText("yellow", `  – pending: ${test.fullTitle()}`) + "\n");
    save();
  });
  runner.on("fail", (test, error) => {
    counts.failed += 1;
    ofFile(test).failed += 1;
    ofFile(test).failures.push(test.fullTitle());
    process.stderr.write(styleText("red", `  ✗ ${test.fullTitle()}`) + `\n${indent(describe(error))}\n`);
    save();
  });
  runner.once("end", () => {
    counts.ended = true;
    save();
  });
};

function describe(error) {
  const text = error?.stack ?? String(error);
  const shown = error?.actual !== undefined && error?.expected !== undefined && !text.includes("+ actual");
  return shown ? `${text}\nexpected ${inspect(error.expected)}\nactual   ${inspect(error.actual)}` : text;
}

function inspect(value) {
  return require("node:util").inspect(value, { depth: 6, breakLength: 120 });
}

function indent(text) {
  return text.replace(/^/gm, "      ");
}
