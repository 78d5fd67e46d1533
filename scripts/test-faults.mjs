// `npm run test:faults`: the faults suite with more cuts and kills, each run at other places. The seed is printed.
import { node24, root, run, underNode24 } from "./setup.mjs";
import path from "node:path";

await underNode24(import.meta.url);
const env = { ...process.env, KEPT_FAULTS: "full" };
process.exit(await run(node24(), [path.join(root, "scripts/test.mjs"), "faults"], { env }));
