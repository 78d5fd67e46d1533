// `npm run screenshots [-- <folder>]`: pictures of the extension for the docs, from a real editor with the base model.
import { ensureChromium, ensureEditor } from "./browsers.mjs";
import { ensureBuilt, node24, root, run, underNode24 } from "./setup.mjs";
import path from "node:path";

await underNode24(import.meta.url);

await ensureBuilt();
const extra = { ...(await ensureChromium()), ...(await ensureEditor()) };
const folder = path.resolve(process.argv[2] ?? path.join(root, "docs/images"));
const env = { ...process.env, ...extra };
process.exit(await run(node24(), [path.join(root, "test/support/screenshots/take.ts"), folder], { env }));
