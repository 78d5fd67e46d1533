import { loadCheckpoint } from "../../engine/checkpoint/checkpoint.ts";
import { requestedDevice } from "../../engine/devices/device.ts";
import { loadTokenizer } from "../../engine/tokenizer/tokenizer.ts";
import { connectToServer } from "./client.ts";
import { describeProvider, reportDevices, type ProviderReport } from "../doctor/devices.ts";
import { nodeVersionProblem } from "../node-version.ts";
import { hasModel, mediaDir, resolveModelDir, workerEntry } from "../places.ts";
import { accessSync, constants, existsSync, statSync } from "node:fs";
import path from "node:path";

export interface Check {
  readonly name: string;
  readonly ok: boolean;
  /** What was found, and what to do when it is wrong. */
  readonly detail: string;
  /** Of an execution provider: what the sentence was made from. */
  readonly provider?: ProviderReport;
  /** Of the base model: the dialect in which it fills in the middle, or `none`. */
  readonly fillInTheMiddle?: string;
}

/** Looks at everything that the server needs. Changes nothing. */
export async function diagnose(places: { dataDir: string; modelDir: string | undefined }): Promise<Check[]> {
  const modelDir = resolveModelDir(places.modelDir, process.env);
  const media = path.join(mediaDir(process.env), "index.html");
  return [
    check("node", () => {
      const problem = nodeVersionProblem(process.version);
      if (problem !== null) throw new Error(problem);
      return process.version;
    }),
    check("data folder", () => {
      if (!existsSync(places.dataDir)) return `${places.dataDir} (made on the first start)`;
      accessSync(places.dataDir, constants.W_OK);
      const mode = statSync(places.dataDir).mode & 0o777;
      if (process.platform !== "win32" && (mode & 0o077) !== 0) throw new Error("others can read it; run chmod 700");
      return places.dataDir;
    }),
    check("base model", () => {
      if (!hasModel(modelDir)) throw new Error(`there is none in ${modelDir}; set --model-dir`);
      return modelDir;
    }),
    ...(hasModel(modelDir) ? [fillInTheMiddle(modelDir)] : []),
    check("worker", () => existing(workerEntry(), "run `npm run build`")),
    check("dashboard", () => existing(media, "run `npm run build`")),
    await checkAsync("store", async () => {
      const { default: Database } = await import("better-sqlite3");
      const db = new Database(":memory:");
      const version = db.prepare("SELECT sqlite_version()").pluck().get() as string;
      db.close();
      return `SQLite ${version}`;
    }),
    await checkAsync("server", async () => {
      const { url } = await connectToServer(places.dataDir);
      return url;
    }),
    ...(await devices(modelDir)),
  ];
}

/** How the base model is shown what follows the cursor. A model that is not shown it still completes code. */
function fillInTheMiddle(modelDir: string): Check {
  const name = "fill in the middle";
  try {
    const { dialect, fimOrder } = loadTokenizer(modelDir);
    const detail =
      dialect.name === "none"
        ? "none: the model has no tokens for it, and does not see what follows the cursor"
        : `${dialect.name}, ${fimOrder === "spm" ? "suffix" : "prefix"} first`;
    return { name, ok: true, detail, fillInTheMiddle: dialect.name };
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message };
  }
}

/** What the models run on. A provider that is not there is no fault, unless it was asked for. */
async function devices(modelDir: string): Promise<Check[]> {
  try {
    const { asked, providers, inference } = await reportDevices(requestedDevice(process.env), sizeOf(modelDir));
    const choice = `${inference.provider} (asked for: ${asked}); ${inference.reason}`;
    return [
      { name: "device", ok: !inference.isFallback, detail: choice },
      ...providers.map((provider) => ({
        name: `device ${provider.provider}`,
        ok: provider.provider !== asked || !inference.isFallback,
        detail: describeProvider(provider),
        provider,
      })),
    ];
  } catch (error) {
    return [{ name: "device", ok: false, detail: (error as Error).message }];
  }
}

/** Parameters of a model; null when it cannot be read, which is another check's finding. */
function sizeOf(modelDir: string): number | null {
  try {
    return loadCheckpoint(modelDir).nParameters;
  } catch {
    return null;
  }
}

function check(name: string, look: () => string): Check {
  try {
    return { name, ok: true, detail: look() };
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message };
  }
}

async function checkAsync(name: string, look: () => Promise<string>): Promise<Check> {
  try {
    return { name, ok: true, detail: await look() };
  } catch (error) {
    return { name, ok: false, detail: (error as Error).message };
  }
}

function existing(file: string, remedy: string): string {
  if (!existsSync(file)) throw new Error(`${file} is missing; ${remedy}`);
  return file;
}
