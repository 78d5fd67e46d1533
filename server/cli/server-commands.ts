import type { Command } from "commander";
import { loginCode, serverStatus, shutdownResponse, tokenRotation } from "../../protocol/api.ts";
import type { CommandParts } from "./command-parts.ts";
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

/** Adds `kept token rotate`. */
export function addTokenCommands(program: Command, { connect }: CommandParts): void {
  program
    .command("token")
    .description("the server's token")
    .command("rotate")
    .description("make another token: the one before counts no more; editors find the new one, dashboards log in again")
    .action(async () => {
      await (await connect()).send("POST", "/v1/token", {}, tokenRotation);
      process.stderr.write("The token before counts no more.\n");
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
