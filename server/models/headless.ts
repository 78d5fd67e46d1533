import { runningServer } from "../adoption/sink.ts";
import { startApp } from "../app.ts";
import { connectToServer, type ServerClient } from "../cli/client.ts";
import { AppError } from "../errors.ts";
import { dataPlaces, mediaDir, workerEntry } from "../places.ts";
import { baseFolder } from "./frozen-model.ts";
import type { ModelFile } from "./model-file.ts";

/** A server to ask: the one that runs, or one that ends with the command. */
export interface ServerForCommand extends AsyncDisposable {
  readonly client: ServerClient;
}

/**
 * The running server of the data folder; without one and with `headless`, one of its own on the base model that the
 * file names. @throws AppError `not-running`
 */
export async function serverForCommand(
  dataDir: string,
  model: ModelFile,
  { headless }: { readonly headless: boolean },
): Promise<ServerForCommand> {
  const client = await runningServer(dataDir);
  if (client !== null) return { client, [Symbol.asyncDispose]: () => Promise.resolve() };
  if (!headless) {
    throw new AppError("not-running", `No Kept server is running on ${dataDir}.`, {
      hint: "Start it with `kept serve`, or pass --headless: then one is started for this command.",
    });
  }
  const places = dataPlaces(dataDir);
  const app = await startApp({
    dataDir,
    modelDir: baseFolder(model.config, places.models),
    mediaDir: mediaDir(process.env),
    workerEntry: workerEntry(),
    port: 0,
    log: { level: "info", destination: places.log },
  });
  return { client: await connectToServer(dataDir), [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() };
}
