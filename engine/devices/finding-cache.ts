import envPaths from "env-paths";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { createAttempts } from "./attempts.ts";
import type { Provider } from "./device.ts";
import type { Finding } from "./finding.ts";
import { probeProvider, runtimeVersion } from "./probe.ts";

/** Findings of earlier probes, one small file for each provider. */
export interface FindingCache {
  /** What is known about a provider, or what a probe says now. */
  find(provider: Provider): Promise<Finding>;
  /** What a probe says now; remembered. */
  refresh(provider: Provider): Promise<Finding>;
}

/** Where findings are remembered unless said otherwise: the platform's folder for caches. */
export const devicesFolder = (): string => path.join(envPaths("kept", { suffix: "" }).cache, "devices");

/** Processes that may be lost on a device before it is left alone: one may have been ended by its user. */
const MAX_LOST = 2;

/** Longest that a finding is believed, milliseconds: not every driver leaves a trace in the key. */
const MAX_AGE_MS = 24 * 3_600_000;

export interface FindingCacheOptions {
  readonly folder?: string;
  readonly probe?: (provider: Provider) => Promise<Finding>;
  readonly env?: NodeJS.ProcessEnv;
  readonly now?: () => number;
}

export function createFindingCache(options: FindingCacheOptions = {}): FindingCache {
  const env = options.env ?? process.env;
  const folder = options.folder ?? devicesFolder();
  const attempts = createAttempts(folder);
  const probe = options.probe ?? ((provider) => probeProvider(provider, { env }));
  const now = options.now ?? Date.now;
  const fileOf = (provider: Provider) => path.join(folder, `${provider}.json`);

  async function refresh(provider: Provider): Promise<Finding> {
    const key = machineKey(env);
    const finding = await probe(provider);
    attempts.forget(provider);
    remember(fileOf(provider), { key, at: now(), finding });
    return finding;
  }
  return {
    refresh,
    async find(provider) {
      const nLost = attempts.nLost(provider);
      if (nLost >= MAX_LOST) return { provider, state: "failed", message: lostMessage(nLost) };
      const known = recall(fileOf(provider));
      const age = known ? now() - known.at : Number.NaN;
      const finding = known?.finding;
      const isValid = known?.key === machineKey(env) && finding?.provider === provider;
      return finding && isValid && age >= 0 && age <= MAX_AGE_MS ? finding : await refresh(provider);
    },
  };
}

const lostMessage = (nLost: number): string =>
  `${nLost} processes ended before their first result on it; \`kept doctor\` tries it anew`;

interface Remembered {
  readonly key: string;
  readonly at: number;
  /** Missing in a file that was written by something else. */
  readonly finding?: Finding;
}

/** Changes when the runtime, its files, the system, a driver or what chooses between drivers does. */
export function machineKey(env: NodeJS.ProcessEnv): string {
  const chosen = DRIVER_VARIABLES.map((name) => [name, env[name] ?? null]);
  const files = driverFiles(env).map((file) => [file, stamp(file)]);
  return createHash("sha256")
    .update(JSON.stringify([runtimeVersion(), process.platform, process.arch, os.release(), chosen, files]))
    .digest("hex");
}

/** Variables by which Vulkan's loader and the dynamic linker find drivers, and CUDA its devices. */
const DRIVER_VARIABLES = [
  "VK_ICD_FILENAMES",
  "VK_DRIVER_FILES",
  "VK_ADD_DRIVER_FILES",
  "LD_LIBRARY_PATH",
  "CUDA_VISIBLE_DEVICES",
];

/** Manifests of Vulkan drivers, the loader and device files: what appears when a driver is installed. */
function driverFiles(env: NodeJS.ProcessEnv): string[] {
  if (process.platform !== "linux") return [];
  const named = ["VK_ICD_FILENAMES", "VK_DRIVER_FILES"].flatMap((name) => (env[name] ?? "").split(path.delimiter));
  const folders = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d", "/dev/dri"];
  const home = path.join(os.homedir(), ".local/share/vulkan/icd.d");
  const libraries = [`/usr/lib/${GNU_NAMES[process.arch] ?? ""}`, "/usr/lib", "/usr/lib64"].map((folder) =>
    path.join(folder, "libvulkan.so.1"),
  );
  const devices = ["/dev/nvidia0", "/dev/dxg", "/dev/kfd"];
  return [...named.filter(Boolean), ...[...folders, home].flatMap(entries), ...libraries, ...devices];
}

const GNU_NAMES: Readonly<Record<string, string>> = { x64: "x86_64-linux-gnu", arm64: "aarch64-linux-gnu" };

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}

/** Size and time of change; null when there is no such file. Of a device only that it is there. */
function stamp(file: string): unknown {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats) return null;
  return stats.isFile() ? [stats.size, stats.mtimeMs] : true;
}

function recall(file: string): Remembered | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Remembered;
  } catch {
    // Not there, or cut off by a full disk: the probe is asked again.
    return null;
  }
}

function remember(file: string, remembered: Remembered): void {
  try {
    mkdirSync(path.dirname(file), { recursive: true });
    const temporary = `${file}.${process.pid}`;
    writeFileSync(temporary, JSON.stringify(remembered));
    renameSync(temporary, file);
  } catch {
    // Without the file the next start asks again, which costs a second or two and nothing else.
  }
}
