import { InvalidArgumentError, Option, type Command } from "commander";
import { modelVersionRow } from "../../protocol/api.ts";
import type { ServerClient } from "../cli/client.ts";
import { print, table } from "../cli/output.ts";
import { openConnectionLog } from "../egress/connection-log.ts";
import { openEgress } from "../egress/egress.ts";
import { checkedEndpoint } from "../egress/permit.ts";
import { AppError } from "../errors.ts";
import { serveLora } from "../integrations/llama-cpp/lora-adapters.ts";
import { loadLora } from "../integrations/vllm/lora-adapters.ts";
import type { DataPlaces } from "../places.ts";
import { createInterrupt } from "../replay/interrupt.ts";

interface LoadFlags {
  readonly into: "llama-cpp" | "vllm";
  readonly url: string;
  readonly adapter: string;
  readonly scale: number;
  readonly json?: boolean;
}

/** Adds `kept models load`. */
export function addLoadCommand(models: Command, connect: () => Promise<ServerClient>, places: () => DataPlaces): void {
  models
    .command("load <id>")
    .description("let another model server serve with an exported version")
    .addOption(
      new Option("--into <server>", "which kind of server").choices(["llama-cpp", "vllm"]).makeOptionMandatory(),
    )
    .requiredOption("--url <url>", "where it listens")
    .requiredOption(
      "--adapter <path>",
      "the exported adapter as the server sees it: llama.cpp's --lora file, vLLM's folder",
    )
    .option("--scale <number>", "how much of the adapter (llama.cpp)", scale, 1)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nA key is read from KEPT_MODEL_SERVER_KEY. Needs a running server of Kept's.\n\nExamples:\n" +
        "  kept models load 0123abcd --into llama-cpp --url http://127.0.0.1:8080 --adapter base-0123abcd.gguf\n" +
        "  kept models load 0123abcd --into vllm --url http://127.0.0.1:8000 --adapter /srv/adapters/0123abcd\n",
    )
    .action(async (id: string, flags: LoadFlags) => {
      const version = await (await connect()).get(`/v1/models/${encodeURIComponent(id)}`, modelVersionRow);
      // The command names the very host: it may be on this machine or a private network.
      const url = checkedEndpoint(flags.url, true);
      const permit = { purpose: "model-server", origin: url.origin, mayBePrivate: true, redirects: "none" } as const;
      using interrupt = createInterrupt();
      const egress = openEgress({ permits: () => [permit], log: openConnectionLog(places().egressLog) });
      const server = { egress, url, signal: interrupt.signal, key: process.env["KEPT_MODEL_SERVER_KEY"] ?? null };
      if (flags.into === "vllm") {
        const served = await loadLora(server, `kept-${version.id}`, flags.adapter);
        return print({ version: id, models: served }, flags, () => served.map((name) => `${name}\n`).join(""));
      }
      const name = flags.adapter.split(/[\\/]/).at(-1) ?? "";
      if (!name.includes(version.id))
        throw new AppError("invalid", `${name} is not the export of ${version.id}.`, {
          hint: "Export it with --format gguf-lora.",
        });
      const adapters = await serveLora(server, name, flags.scale);
      print({ version: id, adapters }, flags, () =>
        table(
          ["adapter", "scale"],
          adapters.map((one) => [one.path, one.scale]),
        ),
      );
    });
}

function scale(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= 0 && value <= 10) return value;
  throw new InvalidArgumentError("It has to be a number from 0 to 10.");
}
