import { listFiles, modelInfo, downloadFile as openOnHub } from "@huggingface/hub";
import { mkdir, rename, rm, statfs, writeFile } from "node:fs/promises";
import path from "node:path";
import { readConfig } from "../../engine/checkpoint/checkpoint.ts";
import { loadTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { syncDirectory } from "../durable-file.ts";
import { AppError } from "../errors.ts";
import { downloadFile, isIntact, sizeOf, type ByteSource } from "./download.ts";
import { asAppError, createHubFetch, type HubConnection } from "./hub-fetch.ts";
import { modelFiles, type HubFile, type ListedFile } from "./model-files.ts";
import { PULL_RECORD, readRecord, type PullRecord } from "./pulled-models.ts";

export interface PullRequest {
  /** `owner/name`, or a name alone. */
  readonly repo: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  readonly modelsDir: string;
  readonly maxBytes: number;
  readonly hub: HubConnection;
  /** Hears how many of all bytes are in place. */
  readonly onProgress: (done: number, all: number) => void;
}

export interface PulledModel extends PullRecord {
  readonly dir: string;
}

/** Most files that a repository's list may have: it is read to its end. */
const MAX_LISTED = 10_000;

/** Space that a pull leaves free on the disk, bytes. */
const SPARE_BYTES = 64 * 2 ** 20;

/**
 * Downloads a model into `<modelsDir>/<owner>--<name>@<commit>`. The folder appears under that name only
 * when it is whole; until then its files wait beside it, and the next pull goes on with them. Throws
 * AppError `invalid`, `not-found`, `too-large`, `storage-full` and the hub's codes, and EngineError
 * `model-unsupported` or `tokenizer-invalid` before weights are fetched that the engine could not run.
 */
export async function pullModel(request: PullRequest): Promise<PulledModel> {
  const { repo, revision, modelsDir, hub } = request;
  checkNames(repo, revision);
  const door = createHubFetch(hub);
  const options = { fetch: door.fetch, hubUrl: hub.hubUrl.href.replace(/\/$/, "") };
  const ask = async <T>(question: () => Promise<T>): Promise<T> => {
    try {
      return await question();
    } catch (error) {
      hub.signal.throwIfAborted();
      throw asAppError(error, hub.hubUrl);
    }
  };
  const commit = await ask(async () => {
    const { sha } = await modelInfo({ ...options, name: repo, revision, additionalFields: ["sha"] });
    if (!/^[0-9a-f]{40}$/.test(sha)) throw new SyntaxError("no commit");
    return sha;
  });
  const name = `${repo.replace("/", "--")}@${commit.slice(0, COMMIT_CHARS)}`;
  const dir = path.join(modelsDir, name);
  const known = readRecord(dir);
  if (known !== null) return { ...known, dir };

  const files = modelFiles(await ask(() => listed({ ...options, repo, revision: commit })));
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (all > request.maxBytes)
    throw new AppError("too-large", `${repo} has ${gigabytes(all)}; the limit is ${gigabytes(request.maxBytes)}.`, {
      hint: "Raise it with --max-gb.",
    });
  const waiting = path.join(modelsDir, `.pulling-${name}`);
  await mkdir(waiting, { recursive: true, mode: 0o700 });
  await checkSpace(waiting, files);

  let done = 0;
  const onBytes = (bytes: number): void => request.onProgress((done += bytes), all);
  const source: ByteSource = async (file, from) => {
    const blob = await ask(() => openOnHub({ ...options, repo, path: file.name, revision: commit, xet: false }));
    if (blob === null) throw new AppError("not-found", `The hub lists ${file.name} and does not have it.`);
    const bytes = (from > 0 ? blob.slice(from, file.bytes) : blob).stream();
    return failing(bytes, (error) => door.failure() ?? asAppError(error, hub.hubUrl));
  };
  let isChecked = false;
  for (const file of inOrder(files)) {
    if (isWeights(file) && !isChecked) {
      checkRunnable(waiting);
      isChecked = true;
    }
    if ((await sizeOf(path.join(waiting, file.name))) >= 0 && !(await isIntact(waiting, file, hub.signal)))
      await rm(path.join(waiting, file.name));
    await downloadFile(waiting, file, source, onBytes, hub.signal).catch((error: NodeJS.ErrnoException) => {
      hub.signal.throwIfAborted();
      if (error.code !== "ENOSPC") throw error;
      throw new AppError("storage-full", "The disk is full.", {
        cause: error,
        hint: "Free some space and run it again.",
      });
    });
  }
  const record: PullRecord = { repo, revision, commit, hub: hub.hubUrl.origin, bytes: all, files };
  await writeFile(path.join(waiting, PULL_RECORD), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  hub.signal.throwIfAborted();
  syncDirectory(waiting);
  await rename(waiting, dir).catch(async (error: unknown) => {
    // Another pull of the same commit was faster.
    if (readRecord(dir) === null) throw error;
    await rm(waiting, { recursive: true, force: true });
  });
  syncDirectory(modelsDir);
  return { ...record, dir };
}

/** A stream whose errors are those of the connection: the library passes on only the text of what went wrong. */
async function* failing(
  stream: AsyncIterable<Uint8Array>,
  asFailure: (error: unknown) => AppError,
): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw asFailure(error);
  }
}

const isWeights = ({ name }: HubFile): boolean => name.endsWith(".safetensors");

/** The weights come last: what is small says whether the engine can run them. */
const inOrder = (files: readonly HubFile[]): HubFile[] => [
  ...files.filter((file) => !isWeights(file)),
  ...files.filter(isWeights),
];

function checkRunnable(folder: string): void {
  readConfig(folder);
  loadTokenizer(folder);
}

/** Characters of the commit that tell two pulls of a repository apart. */
const COMMIT_CHARS = 12;

function checkNames(repo: string, revision: string): void {
  const part = /^[A-Za-z0-9][\w.-]{0,95}$/;
  const parts = repo.split("/");
  if (parts.length > 2 || !parts.every((text) => part.test(text) && !text.includes("..") && !text.includes("--")))
    throw new AppError("invalid", `${repo.slice(0, 100)} is no name of a repository.`, {
      hint: "It has the form owner/name or owner/name@revision.",
    });
  if (!/^[\w][\w./-]{0,199}$/.test(revision) || revision.includes(".."))
    throw new AppError("invalid", `${revision.slice(0, 100)} is no revision.`);
}

async function listed(params: Parameters<typeof listFiles>[0]): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  for await (const file of listFiles({ ...params, recursive: false })) {
    if (files.length >= MAX_LISTED) throw new AppError("hub-invalid", `The repository lists over ${MAX_LISTED} files.`);
    files.push(file);
  }
  return files;
}

async function checkSpace(folder: string, files: readonly HubFile[]): Promise<void> {
  let missing = SPARE_BYTES;
  for (const { name, bytes } of files) {
    const have = Math.max(await sizeOf(path.join(folder, name)), await sizeOf(path.join(folder, `${name}.part`)), 0);
    missing += Math.max(0, bytes - have);
  }
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < missing)
    throw new AppError(
      "storage-full",
      `The model needs ${gigabytes(missing)}; ${gigabytes(bavail * bsize)} are free.`,
      {
        hint: "Free some space, or choose another --data-dir.",
      },
    );
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(bytes < 1e9 ? 3 : 1)} GB`;
