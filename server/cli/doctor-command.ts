import type { Command } from "commander";
import type { CommandParts } from "./command-parts.ts";
import { EXIT } from "./exit-codes.ts";
import { print, table } from "./output.ts";

/** Adds `kept doctor`. */
export function addDoctorCommand(program: Command, { dataDir, setExit }: CommandParts): void {
  program
    .command("doctor")
    .description("check this installation and say what to do about what is wrong")
    .option("--json", "print JSON")
    .option("--model-dir <folder>", "base model to check")
    .action(async (flags: { json?: boolean; modelDir?: string }) => {
      const { diagnose } = await import("./doctor.ts");
      const checks = await diagnose({ dataDir: dataDir(), modelDir: flags.modelDir });
      print({ checks }, flags, () =>
        table(
          ["check", "ok", "detail"],
          checks.map((c) => [c.name, c.ok ? "yes" : "NO", c.detail]),
        ),
      );
      if (checks.some(({ ok }) => !ok)) setExit(EXIT.failed);
    });
}
