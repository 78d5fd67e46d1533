#!/usr/bin/env node
import { refuseOldNode } from "./node-version.ts";

refuseOldNode();
void run();

/** `dist/cli.cjs`: the `kept` command. */
async function run(): Promise<void> {
  const { runCommand } = await import("./cli/run-command.ts");
  process.exit(await runCommand(process.argv.slice(2)));
}
