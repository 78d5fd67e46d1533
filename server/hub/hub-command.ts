import { Argument, type Command } from "commander";
import { modelVersionRow } from "../../protocol/api.ts";
import type { CommandParts } from "../cli/command-parts.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print } from "../cli/output.ts";
import { openConnectionLog } from "../egress/connection-log.ts";
import { openEgress } from "../egress/egress.ts";
import { HUB_KINDS, type HubKind } from "../integrations/huggingface/hub-folder.ts";
import { fetchVersionFiles } from "../models/version-files.ts";
import { dataPlaces } from "../places.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { createProgressLine } from "../replay/progress-line.ts";
import { HUB_LIMITS, hubPermit, type HubConnection } from "./hub-fetch.ts";
import { hubToken, isNamedHub, resolveHubUrl } from "./hub-settings.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

interface HubFlags {
  readonly hubUrl?: string;
  readonly json?: boolean;
}

/** Adds `kept hub`: adapters and datasets on a model hub. */
export function addHubCommand(program: Command, { dataDir, connect, setExit }: CommandParts): void {
  const hub = program.command("hub").description("adapters and datasets on a model hub");
  const kind = () => new Argument("<kind>", "what").choices(HUB_KINDS);
  const withHub = async (flags: HubFlags, work: (hub: HubConnection) => Promise<void>): Promise<void> => {
    const hubUrl = resolveHubUrl(flags.hubUrl, process.env);
    using interrupt = createInterrupt();
    const permits = [hubPermit(hubUrl, isNamedHub(hubUrl))];
    const log = openConnectionLog(dataPlaces(dataDir()).egressLog);
    const egress = openEgress({ permits: () => permits, log });
    try {
      await work({ egress, hubUrl, token: hubToken(process.env), signal: interrupt.signal, limits: HUB_LIMITS });
    } catch (error) {
      if (!interrupt.signal.aborted) throw error;
      process.stderr.write("Stopped. The same command goes on where this one stopped.\n");
      setExit(EXIT.interrupted);
    }
  };

  hub
    .command("push")
    .addArgument(kind())
    .argument("<source>", "id of a version, or the folder that `kept datasets export` wrote")
    .argument("<repo>", "owner/name")
    .description("send an adapter or a dataset with its card, as one commit")
    .option("--public", "make the repository public; private unless given")
    .option("--hub-url <address>", "hub (default: KEPT_HUB_URL, then HF_ENDPOINT, then https://huggingface.co)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nA token that may write is read from KEPT_HUB_TOKEN or HF_TOKEN. An adapter needs a running server.\n\nExample:\n  kept hub push adapter 0123abcd me/my-adapter\n",
    )
    .action((what: HubKind, source: string, repo: string, flags: HubFlags & { public?: boolean }) =>
      withHub(flags, async (connection) => {
        const { pushToHub } = await import("../integrations/huggingface/hub-folder.ts");
        const work = mkdtempSync(path.join(tmpdir(), "kept-hub-"));
        try {
          let dir = path.resolve(source);
          if (what === "adapter") {
            const server = await connect();
            const version = await server.get(`/v1/models/${encodeURIComponent(source)}`, modelVersionRow);
            await fetchVersionFiles(server, version.files, work);
            dir = work;
          }
          const title = `Push ${what} ${path.basename(source)}`;
          const made = await pushToHub({ kind: what, repo, dir, isPublic: flags.public === true, title }, connection);
          print({ repo, ...made }, flags, () => `${repo}@${made.commit}\n`);
        } finally {
          rmSync(work, { recursive: true, force: true });
        }
      }),
    );
  hub
    .command("pull")
    .addArgument(kind())
    .argument("<repo>", "owner/name, or owner/name@revision")
    .description("bring an adapter or a dataset into a new folder, each file with the hash that the hub names")
    .requiredOption("--out <folder>", "folder that is made")
    .option("--hub-url <address>", "hub (default: KEPT_HUB_URL, then HF_ENDPOINT, then https://huggingface.co)")
    .option("--json", "print JSON")
    .action((what: HubKind, name: string, flags: HubFlags & { out: string }) =>
      withHub(flags, async (connection) => {
        const { pullFromHub } = await import("../integrations/huggingface/hub-folder.ts");
        const [repo = "", revision = "main"] = name.split(/@(.*)/s);
        const line = createProgressLine(process.stderr);
        try {
          const show = (done: number, all: number): void =>
            line.show(`${(done / 1e6).toFixed(1)} of ${(all / 1e6).toFixed(1)} MB`);
          const made = await pullFromHub({ kind: what, repo, revision, out: flags.out }, connection, show);
          line.clear();
          print({ repo, dir: path.resolve(flags.out), ...made }, flags, () => `${path.resolve(flags.out)}\n`);
        } finally {
          line.clear();
        }
      }),
    );
}
