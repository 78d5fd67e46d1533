import { InvalidArgumentError, type Command } from "commander";
import { EXIT } from "../cli/exit-codes.ts";
import { print } from "../cli/output.ts";
import { createInterrupt } from "../replay/interrupt.ts";
import { createProgressLine, timeLeft } from "../replay/progress-line.ts";
import { openConnectionLog } from "../egress/connection-log.ts";
import { openEgress } from "../egress/egress.ts";
import type { DataPlaces } from "../places.ts";
import { HUB_LIMITS, hubPermit } from "./hub-fetch.ts";
import { hubToken, isNamedHub, resolveHubUrl } from "./hub-settings.ts";

/** Largest pull when nothing else is said: a model of 7 billion parameters in 16 bits. */
const DEFAULT_MAX_GB = 16;

interface PullFlags {
  readonly hubUrl?: string;
  readonly maxGb: number;
  readonly json?: boolean;
}

/** Adds `kept models pull`. */
export function addPullCommand(
  models: Command,
  parts: { places: () => DataPlaces; setExit: (code: number) => void },
): void {
  models
    .command("pull <repo>")
    .description("download a base model from a hub: owner/name, or owner/name@revision")
    .option("--hub-url <address>", "hub (default: KEPT_HUB_URL, then HF_ENDPOINT, then https://huggingface.co)")
    .option("--max-gb <number>", "refuse a model that is larger, in gigabytes", gigabytes, DEFAULT_MAX_GB)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nA token for a private model is read from KEPT_HUB_TOKEN or HF_TOKEN. Ctrl+C stops; the next pull goes on.\n\n" +
        "Example:\n  kept models pull Qwen/Qwen2.5-Coder-0.5B\n",
    )
    .action(async (name: string, flags: PullFlags) => parts.setExit(await runPull(name, flags, parts.places())));
}

async function runPull(name: string, flags: PullFlags, places: DataPlaces): Promise<number> {
  const [repo = "", revision = "main"] = name.split(/@(.*)/s);
  using interrupt = createInterrupt();
  const { signal } = interrupt;
  const line = createProgressLine(process.stderr);
  const hubUrl = resolveHubUrl(flags.hubUrl, process.env);
  const permits = [hubPermit(hubUrl, isNamedHub(hubUrl))];
  const hub = {
    egress: openEgress({ permits: () => permits, log: openConnectionLog(places.egressLog) }),
    hubUrl,
    token: hubToken(process.env),
    signal,
    limits: HUB_LIMITS,
  };
  const startedAt = performance.now();
  // The hub library is loaded by this command alone.
  const { pullModel } = await import("./pull.ts");
  let already: number | null = null;
  try {
    const pulled = await pullModel({
      repo,
      revision,
      modelsDir: places.models,
      maxBytes: flags.maxGb * 1e9,
      hub,
      onProgress(done, all) {
        // What an earlier pull had brought says nothing about this one's pace.
        already ??= done;
        line.show(`${megabytes(done)} of ${megabytes(all)} MB${timeLeft(done - already, all - already, startedAt)}`);
      },
    });
    line.clear();
    print(pulled, flags, () => `${pulled.dir}\n`);
    process.stderr.write(`Use it with --model-dir ${pulled.dir} or KEPT_MODEL_DIR.\n`);
    return EXIT.done;
  } catch (error) {
    line.clear();
    if (!signal.aborted) throw error;
    process.stderr.write("Stopped. Nothing was added; the same command goes on where this one stopped.\n");
    return EXIT.interrupted;
  }
}

const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);

function gigabytes(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("It has to be a number above 0.");
}
