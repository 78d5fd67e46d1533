import { refuseOldNode } from "./node-version.ts";
import { parseArgs } from "node:util";

refuseOldNode();
void run();

/** `dist/server.cjs`: what the extension starts. `kept serve` does the same with help. */
async function run(): Promise<void> {
  let flags;
  try {
    ({ values: flags } = parseArgs({
      options: {
        "data-dir": { type: "string" },
        "model-dir": { type: "string" },
        port: { type: "string" },
        log: { type: "string" },
        "log-level": { type: "string" },
      },
    }));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
  const port = flags.port === undefined ? undefined : Number(flags.port);
  if (port !== undefined && !(Number.isInteger(port) && port >= 0 && port <= 65_535)) {
    process.stderr.write(`--port takes a number from 0 to 65535, not ${flags.port}.\n`);
    process.exit(2);
  }
  if (flags.log !== undefined && flags.log !== "file" && flags.log !== "stderr") {
    process.stderr.write(`--log takes file or stderr, not ${flags.log}.\n`);
    process.exit(2);
  }
  const { serve } = await import("./serve.ts");
  process.exit(
    await serve({
      dataDir: flags["data-dir"],
      modelDir: flags["model-dir"],
      port,
      log: flags.log,
      logLevel: flags["log-level"],
    }),
  );
}
