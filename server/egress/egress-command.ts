import { Argument, type Command } from "commander";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { dataPlaces } from "../places.ts";
import { withStore } from "../settings.ts";
import { allow, allowances, LASTING_PURPOSES, withdraw, type LastingPurpose } from "./allowances.ts";
import { readConnections } from "./connection-log.ts";
import { EGRESS_PURPOSES } from "./permit.ts";
import { rows } from "../cli/arguments.ts";
import { existsSync } from "node:fs";

interface CommandParts {
  readonly dataDir: () => string;
  readonly setExit: (code: number) => void;
}

/** Adds `kept egress`: what may leave this machine, and what has. None of its commands needs a server. */
export function addEgressCommand(program: Command, { dataDir, setExit }: CommandParts): void {
  const egress = program.command("egress").description("what may leave this machine, and what has");
  const purpose = () => new Argument("<purpose>", "what for").choices(LASTING_PURPOSES);

  egress
    .command("list")
    .description("connections to other machines, newest first, with those that were refused")
    .option("--limit <rows>", "rows", rows, 20)
    .option("--json", "print JSON")
    .action((flags: { limit: number; json?: boolean }) => {
      const connections = readConnections(dataPlaces(dataDir()).egressLog, flags.limit);
      print({ connections }, flags, () =>
        table(
          ["at", "purpose", "to", "address", "outcome", "status", "sent", "received", "ms"],
          connections.map((c) => [
            c.at,
            c.purpose,
            c.to,
            c.address,
            c.outcome,
            c.status,
            c.sentBytes,
            c.receivedBytes,
            c.ms,
          ]),
        ),
      );
    });

  egress
    .command("allowed")
    .description("what Kept may connect to, for what, and who allows it")
    .option("--json", "print JSON")
    .action((flags: { json?: boolean }) => {
      const allowed = existsSync(dataPlaces(dataDir()).database)
        ? withStore(dataDir(), ({ settings }) => allowances(settings))
        : [];
      const purposes = Object.entries(EGRESS_PURPOSES).map(([name, about]) => {
        const lasting = allowed.find((one) => one.purpose === name);
        const isLasting = (LASTING_PURPOSES as readonly string[]).includes(name) && !isNamedToo(name);
        return { purpose: name, about, to: lasting?.url ?? null, allowedBy: isLasting ? "setting" : "each command" };
      });
      print({ purposes }, flags, () =>
        table(
          ["purpose", "allowed to", "what for"],
          purposes.map((one) => [
            one.purpose,
            one.to ?? (one.allowedBy === "setting" ? "nobody" : "what the command names"),
            one.about,
          ]),
        ),
      );
    });

  egress
    .command("allow")
    .addArgument(purpose())
    .argument("<url>", "where to")
    .description("allow one address for a purpose, in place of the one before")
    .option("--private", "the address is on this machine or a private network, and is meant")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  kept egress allow metrics http://127.0.0.1:4318 --private\n")
    .action((name: LastingPurpose, url: string, flags: { private?: boolean; json?: boolean }) => {
      const wanted = { purpose: name, url, mayBePrivate: flags.private === true };
      const made = withStore(dataDir(), ({ settings }) => allow(settings, wanted, Date.now()));
      print(made, flags, () => `${made.purpose} may go to ${made.url}\n`);
    });

  egress
    .command("withdraw")
    .addArgument(purpose())
    .description("allow nothing for a purpose any more")
    .action((name: LastingPurpose) => {
      if (withStore(dataDir(), ({ settings }) => withdraw(settings, name, Date.now()))) return;
      process.stderr.write(`Nothing was allowed for ${name}.\n`);
      setExit(EXIT.notFound);
    });
}

/** What a command may name by itself, and a setting allows where a model's file names it. */
const isNamedToo = (purpose: string): boolean => purpose === "s3" || purpose === "hub";
