// `npm run check`: format, lint, types, unit and tidy tests, each timed. Exits 1 when any fails.
import { node24, root, run, say, underNode24 } from "./setup.mjs";
import path from "node:path";
import { styleText } from "node:util";

await underNode24(import.meta.url);

const bin = (name) => path.join(root, "node_modules", name);
const mocha = (folder) => [bin("mocha/bin/mocha.js"), "--reporter", "dot", `test/${folder}/**/*.test.ts`];

const steps = [
  ["format", [bin("oxfmt/bin/oxfmt"), "--check"]],
  ["lint", [bin("oxlint/bin/oxlint"), "--type-aware", "--deny-warnings"]],
  ["types", [bin("typescript/bin/tsc"), "-p", "."]],
  ["unit tests", mocha("unit")],
  ["tidy tests", mocha("tidy")],
];

/** What one run may take on 2 busy cores, seconds: longer, and people stop running it. */
const BUDGET_SECONDS = 90;
const env = { ...process.env, PATH: `${path.join(root, "node_modules/.bin")}${path.delimiter}${process.env.PATH}` };
const started = performance.now();
const failed = [];
for (const [name, args] of steps) {
  const began = performance.now();
  const code = await run(node24(), args, { env });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  say(
    code === 0
      ? styleText("green", `✓ ${name} ${seconds} s`)
      : styleText("red", `✗ ${name} ${seconds} s, exit code ${code}`),
  );
  if (code !== 0) failed.push(name);
  if (code > 128) process.exit(code);
}
const total = (performance.now() - started) / 1000;
const summary = failed.length === 0 ? "All checks pass" : `Failed: ${failed.join(", ")}`;
say(`${summary}, ${total.toFixed(1)} s${total > BUDGET_SECONDS ? ` (the budget is ${BUDGET_SECONDS} s)` : ""}`);
process.exit(failed.length === 0 ? 0 : 1);
