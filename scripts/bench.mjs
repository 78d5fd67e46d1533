// `npm run bench -- <name> [--json] [--check]`: runs test/bench/<name>.ts. Without a name, lists them.
import { ensureBuilt, node24, root, run, say, underNode24 } from "./setup.mjs";
import { readdirSync } from "node:fs";
import path from "node:path";

await underNode24(import.meta.url);
const args = process.argv.slice(2);
const name = args.find((argument) => !argument.startsWith("-"));
const names = readdirSync(path.join(root, "test/bench"))
  .filter((file) => file.endsWith(".ts"))
  .map((file) => file.slice(0, -".ts".length));
if (!name || !names.includes(name)) {
  say(
    name
      ? `kept: no benchmark called ${name}.`
      : "Usage: npm run bench -- <name> [--json] [--check] [options of the benchmark]",
  );
  say(names.length > 0 ? `Benchmarks: ${names.sort().join(", ")}` : "No benchmarks yet: add test/bench/<name>.ts.");
  process.exit(2);
}
await ensureBuilt();
process.exit(await run(node24(), [path.join(root, "test/bench/harness/report.ts"), ...args]));
