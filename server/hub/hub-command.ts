import { Argument, type Command } from "commander";
import type { CommandParts } from "../cli/command-parts.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print } from "../cli/output.ts";
import { openConnectionLog } from "../egress/connection-log.ts";
import { openEgress } from "../egress/egress.ts";
import { HUB_KINDS, type HubKind } from "../integrations/huggingface/hub-folder.ts";
import { AppError } from "../errors.ts";
import { lastingPermit, namedService } from "../models/named-service.ts";
import { afterPull, takePulled } from "../models/take-version.ts";
import { writeVersionFolder } from "../models/version-folder.ts";
import { dataPlaces, resolveModelDir } from "../places.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { createProgressLine } from "../replay/progress-line.ts";
import { HUB_LIMITS, hubPermit, type HubConnection } from "./hub-fetch.ts";
import { hubToken, isHubOfFile, isNamedHub, resolveHubUrl } from "./hub-settings.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

interface HubFlags {
  readonly config?: string;
  readonly hubUrl?: string;
  readonly json?: boolean;
}

/** Adds `kept hub`: adapters and datasets on a model hub. */
export function addHubCommand(program: Command, { dataDir, setExit }: CommandParts): void {
  const hub = program.command("hub").description("adapters and datasets on a model hub");
  const kind = () => new Argument("<kind>", "what").choices(HUB_KINDS);
  const withHub = async (flags: HubFlags, work: (hub: HubConnection, file: OfFile) => Promise<void>): Promise<void> => {
    const file = namedService("huggingFace", flags.config, dataDir());
    const address = file?.endpoint ?? null;
    const hubUrl = resolveHubUrl(flags.hubUrl, process.env, address);
    using interrupt = createInterrupt();
    const mayBePrivate = isHubOfFile(flags.hubUrl, process.env, address)
      ? lastingPermit("hub", hubUrl, dataDir()).mayBePrivate
      : isNamedHub(hubUrl);
    const permits = [hubPermit(hubUrl, mayBePrivate)];
    const log = openConnectionLog(dataPlaces(dataDir()).egressLog);
    const egress = openEgress({ permits: () => permits, log });
    try {
      await work({ egress, hubUrl, token: hubToken(process.env), signal: interrupt.signal, limits: HUB_LIMITS }, file);
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
    .argument("[repo]", "owner/name (default: huggingFace.repository of the model's file)")
    .description("send an adapter or a dataset with its card, as one commit")
    .option("--public", "make the repository public; private unless given, here or in the model's file")
    .option("--config <model>", CONFIG)
    .option("--hub-url <address>", "hub (default: KEPT_HUB_URL, then HF_ENDPOINT, then https://huggingface.co)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nA token that may write is read from KEPT_HUB_TOKEN or HF_TOKEN.\n\nExample:\n  kept hub push adapter 0123abcd me/my-adapter\n",
    )
    .action((what: HubKind, source: string, named: string | undefined, flags: HubFlags & { public?: boolean }) =>
      withHub(flags, async (connection, file) => {
        const { pushToHub } = await import("../integrations/huggingface/hub-folder.ts");
        const repo = repositoryOf(named, file);
        const work = mkdtempSync(path.join(tmpdir(), "kept-hub-"));
        try {
          if (what === "adapter") writeVersionFolder(dataDir(), source, work);
          const dir = what === "adapter" ? work : path.resolve(source);
          const title = `Push ${what} ${path.basename(source)}`;
          const isPublic = flags.public === true || file?.private === false;
          const made = await pushToHub({ kind: what, repo, dir, isPublic, title }, connection);
          print({ repo, ...made }, flags, () => `${repo}@${made.commit}\n`);
        } finally {
          rmSync(work, { recursive: true, force: true });
        }
      }),
    );
  hub
    .command("pull")
    .addArgument(kind())
    .argument("[repo]", "owner/name, or owner/name@revision (default: huggingFace.repository of the model's file)")
    .description(
      "bring an adapter or a dataset into a new folder, each file with the hash that the hub names; an adapter without --out becomes the candidate",
    )
    .option("--out <folder>", "folder that is made")
    .option("--model-dir <folder>", "base model that the adapter has to fit (default: the one that Kept ships)")
    .option("--config <model>", CONFIG)
    .option("--hub-url <address>", "hub (default: KEPT_HUB_URL, then HF_ENDPOINT, then https://huggingface.co)")
    .option("--json", "print JSON")
    .action((what: HubKind, named: string | undefined, flags: HubFlags & { out?: string; modelDir?: string }) =>
      withHub(flags, async (connection, file) => {
        if (flags.out === undefined && what !== "adapter")
          throw new AppError("invalid", `A ${what} is brought into a folder.`, { hint: "Name it with --out." });
        const { pullFromHub } = await import("../integrations/huggingface/hub-folder.ts");
        const [repo = "", revision = "main"] = repositoryOf(named, file).split(/@(.*)/s);
        const line = createProgressLine(process.stderr);
        const show = (done: number, all: number): void =>
          line.show(`${(done / 1e6).toFixed(1)} of ${(all / 1e6).toFixed(1)} MB`);
        const pull = (out: string) => pullFromHub({ kind: what, repo, revision, out }, connection, show);
        try {
          if (flags.out === undefined) {
            const modelDir = resolveModelDir(flags.modelDir, process.env);
            const taken = await takePulled(dataDir(), modelDir, "hub-invalid", pull);
            line.clear();
            print({ repo, ...taken }, flags, () => `${taken.version}\n`);
            return void process.stderr.write(afterPull(taken.version));
          }
          const out = path.resolve(flags.out);
          const made = await pull(out);
          line.clear();
          print({ repo, dir: out, ...made }, flags, () => `${out}\n`);
        } finally {
          line.clear();
        }
      }),
    );
}

const CONFIG =
  "take what is not named from the section huggingFace of a model's file (default: the one that is followed)";

type OfFile = ReturnType<typeof namedService<"huggingFace">>;

function repositoryOf(named: string | undefined, file: OfFile): string {
  const repo = named ?? file?.repository ?? null;
  if (repo !== null) return repo;
  throw new AppError("invalid", "No repository is named.", {
    hint: "Name it as owner/name, or in huggingFace.repository of the model's file.",
  });
}
