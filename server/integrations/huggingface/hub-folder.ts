import { commit, createRepo, datasetInfo, downloadFile as openOnHub, listFiles, modelInfo } from "@huggingface/hub";
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import path from "node:path";
import { syncDirectory } from "../../durable-file.ts";
import { AppError } from "../../errors.ts";
import { downloadFile } from "../../hub/download.ts";
import { asAppError, createHubFetch, type HubConnection } from "../../hub/hub-fetch.ts";
import type { HubFile } from "../../hub/model-files.ts";

/** What is pushed to a hub and pulled from it. */
export const HUB_KINDS = ["adapter", "dataset"] as const;
export type HubKind = (typeof HUB_KINDS)[number];

export interface HubThing {
  readonly kind: HubKind;
  /** `owner/name`. */
  readonly repo: string;
}

/** Files of each kind; anything else in a repository is left there, above all programs and pickled weights. */
const FILES: Readonly<Record<HubKind, RegExp>> = {
  adapter: /^(adapter_config\.json|adapter_model\.safetensors|README\.md|kept-version\.json)$/,
  dataset: /^(?!.*\.\.)(?:data\/)?[A-Za-z0-9][A-Za-z0-9._-]{0,120}\.(jsonl|parquet|json|md)$/,
};
const REQUIRED: Readonly<Record<HubKind, readonly string[]>> = {
  adapter: ["adapter_config.json", "adapter_model.safetensors", "README.md"],
  dataset: ["README.md"],
};

const MAX_FILES = 1_000;
/** Largest file that is sent: an adapter has a hundredth of it. */
const MAX_FILE_BYTES = 2 ** 30;

/**
 * Sends a folder with its card as one commit, into a repository that is made where there is none: private unless
 * it is said otherwise. Answers the commit. @throws AppError `invalid` and the hub's codes
 */
export async function pushToHub(
  thing: HubThing & { readonly dir: string; readonly isPublic: boolean; readonly title: string },
  hub: HubConnection,
): Promise<{ readonly commit: string; readonly files: readonly string[] }> {
  const { kind, dir } = thing;
  const repo = repoOf(thing);
  if (hub.token === null)
    throw new AppError("hub-unauthorized", "There is no token that may write to the hub.", {
      hint: "Set KEPT_HUB_TOKEN or HF_TOKEN to one.",
    });
  const door = createHubFetch(hub);
  const options = { fetch: door.fetch, hubUrl: hub.hubUrl.href.replace(/\/$/, ""), accessToken: hub.token };
  const names = (await readdir(dir, { recursive: true }))
    .map((name) => name.split(path.sep).join("/"))
    .filter((name) => FILES[kind].test(name));
  const missing = REQUIRED[kind].find((name) => !names.includes(name));
  if (missing !== undefined)
    throw new AppError("invalid", `${dir} has no ${missing}.`, {
      hint: "A repository on a hub needs its card and its files.",
    });
  const operations = await Promise.all(
    names.toSorted().map(async (name) => {
      const bytes = await readFile(path.join(dir, ...name.split("/")));
      if (bytes.length > MAX_FILE_BYTES) throw new AppError("too-large", `${name} is too large to be pushed.`);
      return { operation: "addOrUpdate", path: name, content: new Blob([new Uint8Array(bytes)]) } as const;
    }),
  );
  return asking(hub, door, async () => {
    await createRepo({ ...options, repo, visibility: thing.isPublic ? "public" : "private" }).catch(
      (error: unknown) => {
        // It is there already: what counts is whether the commit is taken.
        if ((error as { statusCode?: unknown }).statusCode !== 409) throw error;
      },
    );
    const made = await commit({
      ...options,
      repo,
      title: thing.title,
      operations,
      useXet: false,
      abortSignal: hub.signal,
    });
    const oid = made?.commit.oid ?? "";
    if (!/^[0-9a-f]{40}$/.test(oid)) throw new SyntaxError("no commit");
    return { commit: oid, files: operations.map((one) => one.path) };
  });
}

/**
 * Brings the files of an adapter or a dataset into a new folder, each with the hash that the hub names, at the
 * commit that the revision is now. @throws AppError `invalid`, `not-found`, `too-large` and the hub's codes
 */
export async function pullFromHub(
  thing: HubThing & { readonly revision: string; readonly out: string },
  hub: HubConnection,
  onProgress: (done: number, all: number) => void = () => {},
): Promise<{ readonly commit: string; readonly files: readonly string[] }> {
  const { kind } = thing;
  const repo = repoOf(thing);
  const out = path.resolve(thing.out);
  if ((await readdir(out).catch(() => [])).length > 0)
    throw new AppError("invalid", `${out} is not empty.`, { hint: "Choose a folder that does not exist yet." });
  const door = createHubFetch(hub);
  const options = { fetch: door.fetch, hubUrl: hub.hubUrl.href.replace(/\/$/, "") };
  const revision = await asking(hub, door, async () => {
    const asked = { ...options, name: thing.repo, revision: thing.revision };
    const { sha } =
      kind === "dataset"
        ? await datasetInfo({ ...asked, additionalFields: ["sha"] })
        : await modelInfo({ ...asked, additionalFields: ["sha"] });
    if (!/^[0-9a-f]{40}$/.test(sha)) throw new SyntaxError("no commit");
    return sha;
  });
  const files = await asking(hub, door, async () => {
    const found: HubFile[] = [];
    for await (const file of listFiles({ ...options, repo, revision, recursive: true })) {
      if (found.length >= MAX_FILES) throw new AppError("hub-invalid", `The repository lists over ${MAX_FILES} files.`);
      if (file.type !== "file" || !FILES[kind].test(file.path)) continue;
      const oid = file.lfs?.oid.replace(/^sha256:/, "") ?? "";
      const hash = /^[0-9a-f]{64}$/.test(oid)
        ? ({ kind: "sha256", hex: oid } as const)
        : ({ kind: "git-sha1", hex: file.oid ?? "" } as const);
      found.push({ name: file.path, bytes: file.size, hash });
    }
    return found;
  });
  const missing = REQUIRED[kind]
    .filter((name) => name !== "README.md")
    .find((name) => !files.some((file) => file.name === name));
  if (missing !== undefined || files.length === 0)
    throw new AppError("not-found", `${thing.repo} is no ${kind}: it has no ${missing ?? "file of one"}.`);
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (files.some(({ bytes }) => bytes > MAX_FILE_BYTES))
    throw new AppError("too-large", `${thing.repo} has a file of more than 1 GiB.`);
  let done = 0;
  const waiting = `${out}.pulling-${revision.slice(0, 12)}`;
  for (const file of files) {
    await mkdir(path.dirname(path.join(waiting, file.name)), { recursive: true, mode: 0o700 });
    const source = async (one: HubFile, from: number): Promise<AsyncIterable<Uint8Array>> => {
      const blob = await asking(hub, door, () => openOnHub({ ...options, repo, path: one.name, revision, xet: false }));
      if (blob === null) throw new AppError("not-found", `The hub lists ${one.name} and does not have it.`);
      return failing((from > 0 ? blob.slice(from, one.bytes) : blob).stream(), hub, door);
    };
    await downloadFile(waiting, file, source, (bytes) => onProgress((done += bytes), all), hub.signal);
  }
  await rename(waiting, out);
  syncDirectory(path.dirname(out));
  return { commit: revision, files: files.map(({ name }) => name) };
}

const repoOf = ({ kind, repo }: HubThing) => {
  if (!/^[A-Za-z0-9][\w.-]{0,95}\/[A-Za-z0-9][\w.-]{0,95}$/.test(repo) || repo.includes(".."))
    throw new AppError("invalid", `${repo.slice(0, 100)} is no name of a repository.`, {
      hint: "It has the form owner/name.",
    });
  return { type: kind === "dataset" ? "dataset" : "model", name: repo } as const;
};

/** The library keeps only the text of what went wrong on the way: the door knows the failure itself. */
async function asking<T>(
  hub: HubConnection,
  door: ReturnType<typeof createHubFetch>,
  question: () => Promise<T>,
): Promise<T> {
  try {
    return await question();
  } catch (error) {
    hub.signal.throwIfAborted();
    throw door.failure() ?? asAppError(error, hub.hubUrl);
  }
}

async function* failing(
  stream: AsyncIterable<Uint8Array>,
  hub: HubConnection,
  door: ReturnType<typeof createHubFetch>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* stream;
  } catch (error) {
    throw door.failure() ?? asAppError(error, hub.hubUrl);
  }
}
