import { Argument, type Command } from "commander";
import { verifyBackup } from "../backup/backup-folder.ts";
import type { CommandParts } from "../cli/command-parts.ts";
import { EXIT } from "../cli/exit-codes.ts";
import { print, table } from "../cli/output.ts";
import { gone, hasRows } from "../datasets/contents.ts";
import { findDataset } from "../datasets/find-dataset.ts";
import { readSnapshot } from "../datasets/snapshot.ts";
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
import { lastingPermit, namedService } from "../models/named-service.ts";
import { afterPull, takePulled } from "../models/take-version.ts";
import { writeVersionFolder } from "../models/version-folder.ts";
import { dataPlaces, resolveModelDir } from "../places.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { createProgressLine } from "../replay/progress-line.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

type RemoteFlags = S3Flags & { readonly config?: string; readonly json?: boolean };

/** One thing of a kind, as people say it. */
const ONE = { datasets: "dataset", adapters: "adapter", backups: "backup" } as const;
const KIND_OF: Readonly<Record<string, RemoteKind>> = { dataset: "datasets", adapter: "adapters", backup: "backups" };

/** Adds `kept remote`: datasets, adapters and backups in a bucket. */
export function addRemoteCommand(program: Command, { dataDir, setExit }: CommandParts): void {
  const remote = program.command("remote").description("datasets, adapters and backups in an S3 bucket");
  const withS3Flags = (command: Command): Command =>
    command
      .option(
        "--config <model>",
        "take what is not named from the section s3 of a model's file (default: the one that is followed)",
      )
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
    const settings = s3Settings(flags, process.env, namedService("s3", flags.config, dataDir()));
    const { namedBy, endpoint, bucketUrl } = settings;
    const mayBePrivate =
      namedBy === "file" ? lastingPermit("s3", endpoint, dataDir()).mayBePrivate : namedBy === "person";
    const permit = { purpose: "s3", origin: bucketUrl.origin, mayBePrivate, redirects: "none" } as const;
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
      .argument(
        "<name>",
        "id of a dataset or of a version (`kept datasets list`, `kept models list`), or the folder of a backup",
      )
      .description("send what is not there yet; run again it goes on where it stopped"),
  )
    .addHelpText(
      "after",
      "\nKeys are read from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.\n\nExample:\n  kept remote push backup ~/kept-backups/kept-2026-11-22 --bucket team\n",
    )
    .action((what: string, name: string, flags: RemoteFlags) =>
      withClient(flags, async (client, line) => {
        using source = sourceOf(what, name, dataDir());
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
      .description(
        "bring it into a new folder, each file checked against its hash; an adapter without --out becomes the candidate",
      ),
  )
    .option("--out <folder>", "folder that is made")
    .option("--model-dir <folder>", "base model that the adapter has to fit (default: the one that Kept ships)")
    .action((what: string, name: string, flags: RemoteFlags & { out?: string; modelDir?: string }) =>
      withClient(flags, async (client, line) => {
        if (flags.out === undefined && what !== "adapter")
          throw new AppError("invalid", `A ${what} is brought into a folder.`, { hint: "Name it with --out." });
        if (flags.out === undefined) {
          const taken = await takePulled(
            dataDir(),
            resolveModelDir(flags.modelDir, process.env),
            "remote-invalid",
            (out) => pullFolder(client, { kind: "adapters", name, out }, shown(line)),
          );
          line.clear();
          print({ kind: what, name, ...taken }, flags, () => `${taken.version}\n`);
          return void process.stderr.write(afterPull(taken.version));
        }
        const out = path.resolve(flags.out);
        const made = await pullFolder(client, { kind: KIND_OF[what]!, name, out }, shown(line));
        line.clear();
        print({ ...summary(made), dir: out }, flags, () => `${out}\n`);
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
function sourceOf(what: string, name: string, dataDir: string): Source {
  const nothing = (): void => {};
  if (what === "backup") {
    const dir = path.resolve(name);
    verifyBackup(dir);
    return { name: path.basename(dir), dir, [Symbol.dispose]: nothing };
  }
  if (what === "dataset") {
    const { datasets, database } = dataPlaces(dataDir);
    const { id, sha256 } = findDataset(database, name);
    if (!hasRows(datasets, sha256)) throw gone(id);
    try {
      readSnapshot(datasets, sha256);
    } catch (error) {
      throw new AppError("corrupt-store", (error as Error).message, {
        cause: error,
        hint: "Nothing was sent. `kept backup restore` brings it back where a backup has it.",
      });
    }
    const dir = path.join(datasets, sha256);
    return { name: id, dir, [Symbol.dispose]: nothing };
  }
  const dir = mkdtempSync(path.join(tmpdir(), "kept-push-"));
  const end = (): void => rmSync(dir, { recursive: true, force: true });
  try {
    writeVersionFolder(dataDir, name, dir);
  } catch (error) {
    end();
    throw error;
  }
  return { name, dir, [Symbol.dispose]: end };
}
