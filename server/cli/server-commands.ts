import type { Command } from "commander";
import { loginCode, serverStatus, shutdownResponse, tokenRotation } from "../../protocol/api.ts";
import { prepareDataDir } from "../data-dir.ts";
import { makeEndpointKey, readEndpointKey, removeEndpointKey } from "../endpoint-key.ts";
import type { CommandParts } from "./command-parts.ts";
import { EXIT } from "./exit-codes.ts";
import { print, table } from "./output.ts";

/** Adds `kept stop`. */
export function addStopCommand(program: Command, { connect }: CommandParts): void {
  program
    .command("stop")
    .description("ask the server to end")
    .action(async () => {
      await (await connect()).send("POST", "/v1/shutdown", {}, shutdownResponse);
      process.stderr.write("The server is stopping.\n");
    });
}

/** Adds `kept status`. */
export function addStatusCommand(program: Command, { connect }: CommandParts): void {
  program
    .command("status")
    .description("counts, the serving adapter and the active run")
    .option("--json", "print JSON")
    .action(async (flags: { json?: boolean }) => {
      const client = await connect();
      const status = await client.get("/v1/status", serverStatus);
      const value = { ...status, url: client.url, pid: client.runtime.pid, startedAt: client.runtime.startedAt };
      const { good, bad, unknown } = status.labels;
      print(value, flags, () =>
        table(
          ["server", client.url],
          [
            ["version", status.version],
            ["events", status.events],
            ["suggestions", status.suggestions],
            ["labels", `${good} good, ${bad} bad, ${unknown} unknown`],
            ["champion", status.champion ?? "base model alone"],
            ["active run", status.activeRun ?? "none"],
          ],
        ),
      );
    });
}

/** Adds `kept token rotate` and `kept token endpoint`. */
export function addTokenCommands(program: Command, { dataDir, connect, setExit }: CommandParts): void {
  const token = program.command("token").description("the server's token, and the key of other editors");
  token
    .command("rotate")
    .description("make another token: the one before counts no more; editors find the new one, dashboards log in again")
    .action(async () => {
      await (await connect()).send("POST", "/v1/token", {}, tokenRotation);
      process.stderr.write("The token before counts no more.\n");
    });
  token
    .command("endpoint")
    .description("print the key that other editors complete with: it opens /v1/completions and /v1/models alone")
    .option("--rotate", "make another first: the one before counts no more")
    .option("--remove", "let no key count any more")
    .action((flags: { rotate?: boolean; remove?: boolean }) => {
      const { endpointKey: file } = prepareDataDir(dataDir());
      if (flags.remove === true) {
        if (!removeEndpointKey(file)) setExit(EXIT.notFound);
        return;
      }
      const key = flags.rotate === true ? null : readEndpointKey(file);
      process.stdout.write(`${key ?? makeEndpointKey(file)}\n`);
    });
}

/** Adds `kept dashboard`. */
export function addDashboardCommand(program: Command, { connect }: CommandParts): void {
  program
    .command("dashboard")
    .description("print an address that opens the dashboard once, within a minute")
    .option("--json", "print JSON")
    .action(async (flags: { json?: boolean }) => {
      const client = await connect();
      const { code, expiresAt } = await client.send("POST", "/v1/login-codes", {}, loginCode);
      // A fragment stays in the browser: it is in no request and in no log.
      const url = `${client.url}/#code=${code}`;
      print({ url, expiresAt }, flags, () => url + "\n");
    });
}
