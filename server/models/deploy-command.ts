import type { Command } from "commander";
import { deployAnswer } from "../../protocol/model-file.ts";
import type { CommandParts } from "../cli/command-parts.ts";
import { print, table } from "../cli/output.ts";
import { serverForCommand } from "./headless.ts";
import { readModelFile, resolveModelFile } from "./model-file.ts";
import { describeDeployInMarkdown, tellJob } from "./run-report.ts";
import { exitOf } from "./train-from-file.ts";

interface DeployFlags {
  readonly config: string;
  readonly version?: string;
  readonly headless?: boolean;
  readonly json?: boolean;
}

/** Adds `kept deploy`. */
export function addDeployCommand(program: Command, { dataDir, setExit }: CommandParts): void {
  program
    .command("deploy")
    .description("serve a model's candidate if the gate lets it; exit code 4 when it refuses, 5 when there is none")
    .requiredOption("--config <file>", "the model: its file, its folder, or its name below models/")
    .option("--version <id>", "this version (default: the candidate)")
    .option("--headless", "without a running server: one is started for this command")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  kept deploy --config models/team/config.yaml --headless\n")
    .action(async (flags: DeployFlags) => {
      const model = readModelFile(resolveModelFile(flags.config, process.cwd()));
      await using server = await serverForCommand(dataDir(), model, { headless: flags.headless === true });
      const request = { config: model.file, ...(flags.version === undefined ? {} : { version: flags.version }) };
      const answer = await server.client.send("POST", "/v1/deploy", request, deployAnswer);
      const { name } = model.config;
      tellJob(process.env, describeDeployInMarkdown(name, answer), {
        outcome: answer.outcome,
        version: answer.version ?? "",
      });
      const { outcome, version, reason } = answer;
      print({ model: name, ...answer }, flags, () =>
        table(
          ["model", name],
          [
            ["outcome", outcome],
            ["version", version],
            ["reason", reason],
          ],
        ),
      );
      setExit(exitOf(outcome));
    });
}
