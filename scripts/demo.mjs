// `npm run demo [-- --once] [--repo <path>]`: from a bare clone to a verdict, with no editor.
import { ensureBuilt, node24, root, run, underNode24 } from "./setup.mjs";
import path from "node:path";

const startedAt = process.env.KEPT_DEMO_STARTED_AT ?? String(Date.now());
process.env.KEPT_DEMO_STARTED_AT = startedAt;
await underNode24(import.meta.url);
await ensureBuilt();
const args = process.argv.slice(2);
if (!args.includes("--repo") && !args.some((argument) => argument.startsWith("--repo="))) args.push("--repo", root);
const env = { ...process.env, KEPT_DEMO_READY_AT: String(Date.now()) };
process.exit(
  await run(node24(), [path.join(root, "dist/cli.cjs"), "demo", ...args], {
    env,
    cwd: process.env.INIT_CWD ?? process.cwd(),
  }),
);
