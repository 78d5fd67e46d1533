import { Argument, type Command } from "commander";
import { modelVersionRow } from "../../protocol/api.ts";
import { verifyBackup } from "../backup/backup-folder.ts";
import type { CommandParts } from "../cli/command-parts.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { openConnectionLog } from "../egress/connection-log.ts";
import { openEgress } from "../egress/egress.ts";
import { AppError } from "../errors.ts";
import { createS3Client, type S3Client } from "../integrations/s3/s3-client.ts";
import {
  listRemote,
  pullFolder,
  pushFolder,
  type RemoteKind,
  type RemoteManifest,
} from "../integrations/s3/s3-remote.ts";
import { s3Settings, type S3Flags } from "../integrations/s3/s3-settings.ts";
import { fetchVersionFiles } from "../models/version-files.ts";
import { dataPlaces } from "../places.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { createProgressLine } from "../replay/progress-line.ts";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

type RemoteFlags = S3Flags & { readonly json?: boolean };

/** One thing of a kind, as people say it. */
const ONE = { datasets: "dataset", adapters: "adapter", backups: "backup" } as const;
const KIND_OF: Readonly<Record<string, RemoteKind>> = { dataset: "datasets", adapter: "adapters", backup: "backups" };

/** Adds `kept remote`: datasets, adapters and backups in a bucket. */
export function addRemoteCommand(program: Command, { dataDir, connect, setExit }: CommandParts): void {
  const remote = program.command("remote").description("datasets, adapters and backups in an S3 bucket");
  const withS3Flags = (command: Command): Command =>
    command
      .option("--bucket <name>", "the bucket (default: KEPT_S3_BUCKET)")
      .option("--prefix <keys>", "before every key (default: KEPT_S3_PREFIX, then kept)")
      .option("--endpoint <url>", "another server than Amazon's (default: AWS_ENDPOINT_URL_S3, then AWS_ENDPOINT_URL)")
      .option("--region <name>", "region (default: AWS_REGION, then AWS_DEFAULT_REGION, then us-east-1)")
      .option("--virtual-host", "the bucket's name goes into the host of --endpoint, not into the path")
      .option("--json", "print JSON");
  const kind = () => new Argument("<kind>", "what").choices(Object.keys(KIND_OF));
  const withClient = async (
    flags: RemoteFlags,
    work: (client: S3Client, line: ProgressLine) => Promise<void>,
  ): Promise<void> => {
    const settings = s3Settings(flags, process.env);
    const permit = {
      purpose: "s3",
      origin: settings.bucketUrl.origin,
      mayBePrivate: settings.isNamed,
      redirects: "none",
    } as const;
    using interrupt = createInterrupt();
    const log = openConnectionLog(dataPlaces(dataDir()).egressLog);
    const client = createS3Client(settings, openEgress({ permits: () => [permit], log }), interrupt.signal);
    const line = createProgressLine(process.stderr);
    try {
      await work(client, line);
    } catch (error) {
      if (!interrupt.signal.aborted) throw error;
      process.stderr.write("Stopped. The same command goes on where this one stopped.\n");
      setExit(EXIT.interrupted);
    } finally {
      line.clear();
    }
  };

  withS3Flags(
    remote
      .command("push")
      .addArgument(kind())
      .argument("<name>", "id of a dataset or of a version, or the folder of a backup")
      .description("send what is not there yet; run again it goes on where it stopped"),
  )
    .addHelpText(
      "after",
      "\nKeys are read from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.\nAn adapter needs a running server.\n\nExample:\n  kept remote push backup ~/kept-backups/kept-2026-11-22 --bucket team\n",
    )
    .action((what: string, name: string, flags: RemoteFlags) =>
      withClient(flags, async (client, line) => {
        using source = await sourceOf(what, name, dataDir(), connect);
        const made = await pushFolder(
          client,
          { ...source, kind: KIND_OF[what]! },
          new Date().toISOString(),
          shown(line),
        );
        line.clear();
        print(summary(made), flags, () => `${made.kind}/${made.name}\n`);
      }),
    );
  withS3Flags(
    remote
      .command("pull")
      .addArgument(kind())
      .argument("<name>", "as `kept remote list` shows it")
      .description("bring it into a new folder, each file checked against its hash"),
  )
    .requiredOption("--out <folder>", "folder that is made")
    .action((what: string, name: string, flags: RemoteFlags & { out: string }) =>
      withClient(flags, async (client, line) => {
        const made = await pullFolder(client, { kind: KIND_OF[what]!, name, out: flags.out }, shown(line));
        line.clear();
        print({ ...summary(made), dir: path.resolve(flags.out) }, flags, () => `${path.resolve(flags.out)}\n`);
      }),
    );
  withS3Flags(remote.command("list").addArgument(kind().argOptional()).description("what is there")).action(
    (what: string | undefined, flags: RemoteFlags) =>
      withClient(flags, async (client) => {
        const found = await listRemote(client, what === undefined ? null : KIND_OF[what]!);
        const things = found.map(({ kind: of, name }) => ({ kind: ONE[of], name }));
        print({ things }, flags, () =>
          table(
            ["kind", "name"],
            things.map((thing) => [thing.kind, thing.name]),
          ),
        );
      }),
  );
}

type ProgressLine = ReturnType<typeof createProgressLine>;

const shown =
  (line: ProgressLine) =>
  (done: number, all: number): void =>
    line.show(`${(done / 1e6).toFixed(1)} of ${(all / 1e6).toFixed(1)} MB`);

const summary = ({ kind, name, files }: RemoteManifest) => ({
  kind: ONE[kind],
  name,
  files: files.length,
  bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
});

interface Source extends Disposable {
  readonly name: string;
  readonly dir: string;
}

/** The folder of what is pushed, checked first where it says of itself what it holds. */
async function sourceOf(
  what: string,
  name: string,
  dataDir: string,
  connect: CommandParts["connect"],
): Promise<Source> {
  const nothing = (): void => {};
  if (what === "backup") {
    const dir = path.resolve(name);
    verifyBackup(dir);
    return { name: path.basename(dir), dir, [Symbol.dispose]: nothing };
  }
  if (what === "dataset") {
    const dir = path.join(dataPlaces(dataDir).datasets, path.basename(name));
    if (path.basename(name) !== name || !existsSync(dir))
      throw new AppError("not-found", `There is no dataset ${name}.`, { hint: "`kept datasets list` shows them." });
    return { name, dir, [Symbol.dispose]: nothing };
  }
  const server = await connect();
  const version = await server.get(`/v1/models/${encodeURIComponent(name)}`, modelVersionRow);
  const dir = mkdtempSync(path.join(tmpdir(), "kept-push-"));
  const end = (): void => rmSync(dir, { recursive: true, force: true });
  try {
    await fetchVersionFiles(server, version.files, dir);
  } catch (error) {
    end();
    throw error;
  }
  return { name: version.id, dir, [Symbol.dispose]: end };
}
