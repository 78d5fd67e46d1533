import type { Command } from "commander";
import { portNumber } from "./arguments.ts";
import type { CommandParts } from "./command-parts.ts";

/** Adds `kept serve`. */
export function addServeCommand(program: Command, { dataDir, setExit }: CommandParts): void {
  program
    .command("serve")
    .description("run the server in the foreground until Ctrl+C")
    .option("--port <number>", "port on 127.0.0.1; 0 takes any free one", portNumber, 0)
    .option("--model-dir <folder>", "base model (default: KEPT_MODEL_DIR or the one shipped)")
    .option("--config <file>", "a model whose file the server follows, on the base that it names")
    .option("--log <place>", "stderr, or file for server.log in the data folder", "stderr")
    .option("--log-level <level>", "debug, info, warn or error", "info")
    .action(async (flags: { port: number; modelDir?: string; config?: string; log: string; logLevel: string }) => {
      const { serve } = await import("../serve.ts");
      if (flags.config !== undefined && flags.modelDir === undefined) {
        const { followForServe } = await import("../models/follow-for-serve.ts");
        flags.modelDir = followForServe(flags.config, dataDir());
      }
      setExit(await serve({ ...flags, dataDir: dataDir(), log: flags.log === "file" ? "file" : "stderr" }));
    });
}
