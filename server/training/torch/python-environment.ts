import envPaths from "env-paths";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { AppError } from "../../errors.ts";
import { torchPrograms } from "../../places.ts";

const execute = promisify(execFile);

/** An interpreter that answers no simple question by then is broken, milliseconds. PyTorch is slow to load from a cold disk. */
const PROBE_TIMEOUT_MS = 120_000;
/** PyTorch with its CUDA libraries is gigabytes: on a slow line the install takes long, milliseconds. */
const INSTALL_TIMEOUT_MS = 60 * 60_000;
const MAX_OUTPUT_BYTES = 16 * 2 ** 20;
/** Enough of pip's last words for a message. */
const COMPLAINT_CHARS = 1_500;
/** The first version with every part that the training uses (the Muon optimizer). */
const OLDEST_TORCH = [2, 9] as const;
const OLDEST_PYTHON = [3, 10] as const;
const CANDIDATES = ["python3", "python", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10"];

export interface PythonEnvironment {
  /** Path of an interpreter that has the packages of `requirements.txt`. */
  readonly python: string;
  /** False for an interpreter that `KEPT_PYTHON` names and that is used as it is. */
  readonly isOurs: boolean;
}

/** What a program needs: PyTorch alone, or transformers and PEFT as well. */
export type Needs = "torch" | "peft";

/**
 * The Python of the torch backend. `KEPT_PYTHON` is used as it is when it has the packages; otherwise a
 * virtual environment in the platform's cache folder, made on first use and again when the requirements
 * change; `onConnect` hears when pip is about to. Throws python-missing and python-setup.
 */
export async function preparePython(
  env: NodeJS.ProcessEnv,
  say: (line: string) => void,
  signal: AbortSignal,
  { needs = "torch", onConnect = () => {} }: { readonly needs?: Needs; readonly onConnect?: () => void } = {},
): Promise<PythonEnvironment> {
  const ready = await readyPython(env, signal, needs);
  if (ready !== null) return ready;
  const folder = environmentFolder();
  const python = interpreterIn(folder);
  const base = await findPython(env, signal);
  say(`Installing the torch backend into ${folder} (PyTorch; minutes the first time)…`);
  onConnect();
  await install(base, folder, env, signal);
  return { python, isOurs: true };
}

/** The Python that is there already, without installing anything; null when there is none. */
export async function readyPython(
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  needs: Needs,
): Promise<PythonEnvironment | null> {
  const named = env["KEPT_PYTHON"];
  if (named !== undefined && named !== "" && (await hasPackages(named, env, signal, needs))) {
    return { python: named, isOurs: false };
  }
  const folder = environmentFolder();
  const python = interpreterIn(folder);
  return existsSync(path.join(folder, READY)) && existsSync(python) ? { python, isOurs: true } : null;
}

const READY = "kept-ready";
/** Packages of `requirements.txt` that training every weight from a corpus does without. */
const PEFT_PACKAGES = new Set(["transformers", "peft"]);

/** One folder for each set of requirements, so that another version of Kept keeps its own. */
export function environmentFolder(): string {
  const requirements = readFileSync(path.join(torchPrograms(), "requirements.txt"));
  const hash = createHash("sha256").update(requirements).digest("hex").slice(0, 12);
  return path.join(envPaths("kept", { suffix: "" }).cache, `torch-${hash}`);
}

const interpreterIn = (folder: string): string =>
  process.platform === "win32" ? path.join(folder, "Scripts", "python.exe") : path.join(folder, "bin", "python");

/** The interpreter that `KEPT_PYTHON` names, or the first on the path that is new enough. Throws python-missing. */
export async function findPython(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<string> {
  const named = env["KEPT_PYTHON"];
  const tooOld: string[] = [];
  for (const candidate of named ? [named] : CANDIDATES) {
    const version = await versionOf(candidate, env, signal);
    if (version !== null && isAtLeast(version, OLDEST_PYTHON)) return candidate;
    if (version !== null) tooOld.push(`${candidate} is ${version.join(".")}`);
  }
  const found = tooOld.length > 0 ? ` Found: ${tooOld.join(", ")}.` : "";
  throw new AppError(
    "python-missing",
    named
      ? `KEPT_PYTHON names ${named}, which is no Python ${OLDEST_PYTHON.join(".")} or newer.${found}`
      : `The torch backend needs Python ${OLDEST_PYTHON.join(".")} or newer, and none is on the path.${found}`,
    { hint: "Install Python, or set KEPT_PYTHON to an interpreter. Everything else of Kept works without it." },
  );
}

async function versionOf(
  python: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<readonly number[] | null> {
  try {
    const { stdout } = await execute(python, ["-c", "import sys; print(*sys.version_info[:3])"], {
      env,
      signal,
      timeout: PROBE_TIMEOUT_MS,
    });
    return stdout.trim().split(" ").map(Number);
  } catch (error) {
    if (signal.aborted) throw error;
    return null;
  }
}

/** True when the packages of `requirements.txt` that are needed are there, and a PyTorch that is new enough. */
async function hasPackages(
  python: string,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
  needs: Needs,
): Promise<boolean> {
  const names = readFileSync(path.join(torchPrograms(), "requirements.txt"), "utf8")
    .split("\n")
    .flatMap((line) => /^([a-z0-9-]+)==/.exec(line)?.[1] ?? [])
    .filter((name) => needs === "peft" || !PEFT_PACKAGES.has(name));
  const program = `import importlib.metadata as m; print([m.version(n) for n in ${JSON.stringify(names)}][${names.indexOf("torch")}])`;
  try {
    const { stdout } = await execute(python, ["-c", program], { env, signal, timeout: PROBE_TIMEOUT_MS });
    return isAtLeast(stdout.split(".").map(Number.parseFloat), OLDEST_TORCH);
  } catch (error) {
    if (signal.aborted) throw error;
    return false;
  }
}

const isAtLeast = (version: readonly number[], oldest: readonly [number, number]): boolean =>
  version[0]! > oldest[0] || (version[0] === oldest[0] && version[1]! >= oldest[1]);

/** Built beside its place and renamed: a folder with its name is whole, whatever was interrupted. */
async function install(base: string, folder: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<void> {
  const partial = `${folder}.partial-${process.pid}`;
  const options = { env, signal, timeout: INSTALL_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
  try {
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(path.dirname(folder), { recursive: true });
    await execute(base, ["-m", "venv", partial], options);
    const pip = ["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--requirement"];
    await execute(interpreterIn(partial), [...pip, path.join(torchPrograms(), "requirements.txt")], options);
    writeFileSync(path.join(partial, READY), "");
    if (existsSync(path.join(folder, READY))) return;
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  } catch (error) {
    if (signal.aborted) throw error;
    const { stderr, stdout, message } = error as { stderr?: string; stdout?: string; message: string };
    const words = (stderr || stdout || message).trim().slice(-COMPLAINT_CHARS);
    throw new AppError("python-setup", `The torch backend could not be installed with ${base}: ${words}`, {
      cause: error,
      hint: "It needs Python's venv module, pip and a package index. Or set KEPT_PYTHON to an interpreter that has PyTorch, numpy, safetensors and tokenizers.",
    });
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/** GPUs that PyTorch sees. */
export async function countGpus(python: string, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  const { stdout } = await execute(python, ["-c", "import torch; print(torch.cuda.device_count())"], {
    env,
    signal,
    timeout: PROBE_TIMEOUT_MS,
  });
  return Number(stdout.trim());
}
