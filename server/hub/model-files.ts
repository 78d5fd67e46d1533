import { AppError } from "../errors.ts";

/** One file of a repository that is part of a model. */
export interface HubFile {
  readonly name: string;
  readonly bytes: number;
  /** What the bytes have to hash to: sha256 for files in large file storage, git's blob hash for the others. */
  readonly hash: { readonly kind: "sha256" | "git-sha1"; readonly hex: string };
}

/** What a hub's list says about a file. */
export interface ListedFile {
  readonly type: string;
  readonly path: string;
  readonly size: number;
  readonly oid?: string | undefined;
  readonly lfs?: { readonly oid: string; readonly size: number } | undefined;
}

/** The files that a model consists of. Everything else stays on the hub: pickles, scripts, other formats. */
const MODEL_FILES =
  /^(config\.json|generation_config\.json|tokenizer[\w-]*\.json|special_tokens_map\.json|[\w-]+\.safetensors|[\w-]+\.safetensors\.index\.json|README\.md|LICENSE(\.(txt|md))?)$/;
const WEIGHTS = /\.safetensors$/;
const STANDARD_WEIGHTS = /^model(-\d+-of-\d+)?\.safetensors$/;

/** The model's files among those of a repository, small ones first. @throws AppError `hub-invalid` */
export function modelFiles(listed: readonly ListedFile[]): HubFile[] {
  const files = listed.filter(({ type, path }) => type === "file" && MODEL_FILES.test(path));
  // Some repositories hold the weights twice, under another name for another tool.
  const hasStandard = files.some(({ path }) => STANDARD_WEIGHTS.test(path));
  const wanted = files.filter(({ path }) => !hasStandard || !WEIGHTS.test(path) || STANDARD_WEIGHTS.test(path));
  if (!wanted.some(({ path }) => path === "config.json") || !wanted.some(({ path }) => WEIGHTS.test(path)))
    throw new AppError("hub-invalid", "The repository has no config.json with *.safetensors beside it.", {
      hint: "Only models with safetensors weights can be pulled; pickled weights (*.bin) run code when they are read.",
    });
  return wanted.map(hubFile).toSorted((one, other) => one.bytes - other.bytes);
}

function hubFile({ path: name, size, oid, lfs }: ListedFile): HubFile {
  const bytes = lfs?.size ?? size;
  const hex = lfs?.oid ?? oid ?? "";
  const kind = lfs ? "sha256" : "git-sha1";
  if (!Number.isSafeInteger(bytes) || bytes < 0 || !(kind === "sha256" ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{40}$/).test(hex))
    throw new AppError("hub-invalid", `The hub lists ${name} without a proper size and hash.`);
  return { name, bytes, hash: { kind, hex } };
}
