import type { AliasName, ArtefactFile, Deployment, ModelVersionRow } from "../../protocol/api.ts";
import type { Clock } from "../clock.ts";
import { hashOf } from "../content-hash.ts";
import { writeFileDurably } from "../durable-file.ts";
import { AppError } from "../errors.ts";
import type { PushHub } from "../push/hub.ts";
import { canonicalJson } from "../store/event-store.ts";
import type { Store } from "../store/store.ts";
import type { ContentFiles } from "./content-files.ts";
import { existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import path from "node:path";

/** Members of an adapter folder that become part of a version; anything else in it is left behind. */
const ADAPTER_FILES = ["adapter_config.json", "adapter_model.safetensors", "README.md"];
const REQUIRED_FILES = ["adapter_config.json", "adapter_model.safetensors"];
/** A whole model, of the strategies `top-layers` and `full`: its configuration, tokenizer and weights. */
const MODEL_FILE = /^(?:[a-z_]+\.json|model(?:-\d+-of-\d+)?\.safetensors(?:\.index\.json)?|README\.md)$/;
const isModel = (names: readonly string[]): boolean => !names.includes(REQUIRED_FILES[0]!);

export interface NewVersion {
  readonly adapterDir: string;
  readonly base: string;
  readonly runId: string;
  readonly datasetId: string;
  readonly hyperParameters: unknown;
  /** The model's file that it was trained with. */
  readonly model?: unknown;
}

/** Versions, their files and the aliases that say what is served. */
export interface Registry {
  /** Takes an adapter folder in as an immutable version and makes it the candidate. Safe to repeat. */
  register(version: NewVersion): ModelVersionRow;
  /** Moves an alias by compare-and-swap; `announce` once it is committed. @throws AppError `alias-moved`, `not-found` */
  moveAlias(alias: AliasName, expected: string | null, to: string | null, reason: string): void;
  /** Pushes what is served now to every editor. */
  announce(): void;
  deployment(): Deployment;
  /** A folder with the verified files of a version, for a process that loads adapters from folders. */
  materialise(versionId: string): string;
}

export function createRegistry(parts: {
  store: Store;
  files: ContentFiles;
  clock: Clock;
  hub: PushHub;
  adaptersDir: string;
  /** sha256 of the base model, or the empty text when there is none. */
  base: () => string;
}): Registry {
  const { store, files, clock, hub } = parts;

  const deployment = (): Deployment => {
    const champion = store.versions.alias("champion");
    const filesOf = (id: string | null) => {
      const version = id === null ? null : store.versions.get(id);
      return version === null ? null : { version: version.id, files: version.files };
    };
    // A trial against another champion is over, and only its row does not say so yet.
    const trial = store.canaries.running();
    const candidate = trial === null || trial.champion !== champion ? null : filesOf(trial.version);
    const filter = store.filters.newest();
    return {
      base: parts.base(),
      adapter: filesOf(champion),
      ...(trial === null || candidate === null ? {} : { canary: { share: trial.share, adapter: candidate } }),
      ...(filter === null ? {} : { filter }),
      examplesRevision: store.examples.revision(),
    };
  };

  return {
    deployment,
    announce: () => hub.publish("deployment", deployment()),
    register({ adapterDir, base, runId, datasetId, hyperParameters, model }) {
      const artefacts = adapterFiles(adapterDir, files);
      const described = model === undefined ? {} : { model };
      const manifest = { base, runId, datasetId, hyperParameters, ...described, files: artefacts };
      const id = hashOf(canonicalJson(manifest)).slice(0, VERSION_ID_CHARS);
      const championBefore = store.versions.alias("champion");
      store.transaction(() => {
        const createdAt = clock.wallMs();
        store.versions.put({ id, createdAt, base, runId, datasetId, championBefore, files: artefacts, manifest });
        const expected = store.versions.alias("candidate");
        if (expected !== id && !isModel(artefacts.map(({ name }) => name))) {
          store.versions.moveAlias(
            { alias: "candidate", expected, to: id, reason: `Trained by run ${runId}.` },
            createdAt,
          );
        }
      });
      return store.versions.get(id)!;
    },
    moveAlias(alias, expected, to, reason) {
      if (to !== null && store.versions.get(to) === null) {
        throw new AppError("not-found", `There is no model version ${to}.`);
      }
      if (to !== null && isModel(store.versions.get(to)!.files.map(({ name }) => name)))
        throw new AppError("not-an-adapter", `The version ${to} is a whole model, which is not pushed to editors.`, {
          hint: "Export it with `kept models export`, and name its folder in kept.model.directory.",
        });
      // Files are checked before the alias points at them: what is served is always whole.
      if (to !== null) for (const { sha256 } of store.versions.get(to)!.files) files.read(sha256);
      if (!store.versions.moveAlias({ alias, expected, to, reason }, clock.wallMs())) {
        throw new AppError("alias-moved", `The alias ${alias} does not stand at ${expected ?? "nothing"}.`);
      }
    },
    materialise(versionId) {
      const version = store.versions.get(versionId);
      if (version === null) throw new AppError("not-found", `There is no model version ${versionId}.`);
      const dir = path.join(parts.adaptersDir, version.id);
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      for (const { name, sha256 } of version.files) {
        const file = path.join(dir, name);
        if (existsSync(file) && hashOf(readFileSync(file)) === sha256) continue;
        writeFileDurably(file, files.read(sha256), 0o600);
      }
      return dir;
    },
  };
}

/** Hexadecimal digits of the manifest's hash that name a version. */
const VERSION_ID_CHARS = 16;

function adapterFiles(adapterDir: string, files: ContentFiles): ArtefactFile[] {
  const present = new Set(readdirSync(adapterDir));
  if (present.has("config.json") && isModel([...present]))
    return [...present]
      .filter((name) => MODEL_FILE.test(name))
      .toSorted()
      .map((name) => files.put(name, readFileSync(path.join(adapterDir, name))));
  for (const name of REQUIRED_FILES) {
    if (!present.has(name)) throw new AppError("worker-failed", `The trainer's adapter has no ${name}.`);
  }
  return ADAPTER_FILES.filter((name) => present.has(name)).map((name) =>
    files.put(name, readFileSync(path.join(adapterDir, name))),
  );
}
