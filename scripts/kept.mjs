// `npm run kept -- <command>`: the command line of this clone, built when a source is newer.
import { ensureBuilt, node24, root, run, underNode24 } from "./setup.mjs";
import path from "node:path";

await underNode24(import.meta.url);
await ensureBuilt();
process.exit(
  await run(node24(), [path.join(root, "dist/cli.cjs"), ...process.argv.slice(2)], {
    cwd: process.env.INIT_CWD ?? process.cwd(),
  }),
);
