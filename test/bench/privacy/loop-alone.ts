// The whole loop where there is no other machine: suggest, observe, collect, train, test, deploy, suggest again,
// forget. Says what left the processes, and what is left of the code, as JSON. Runs under alone.c.
// node loop-alone.ts <folder of its own>
import { aliasPage, modelPage, deployment, forgetOperation, modelVersionRow } from "../../../protocol/api.ts";
import { runDemo } from "../../../server/replay/demo/demo.ts";
import { createPatternRepository, entitySource } from "../../e2e/pattern-repository.ts";
import { filesWith } from "../../support/canary-search.ts";
import { writeTinyModel } from "../../support/tiny-model.ts";
import { countPackets } from "./packets.ts";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";

const N_COMMITS = 40;
const N_POINTS = 60;
const OVERRIDES = { rank: 2, steps: 20 };

export interface LoopAlone {
  readonly stages: number;
  readonly elsewhere: number;
  readonly refused: number;
  readonly datagrams: number;
  /** The same counters after a connection and a datagram to an address elsewhere: they have to rise. */
  readonly counted: { readonly refused: number; readonly datagrams: number };
  readonly events: number;
  /** Files below the data folder that held the repository's code before it was forgotten, and after. */
  readonly filesBefore: number;
  readonly filesAfter: readonly string[];
}

const dir = process.argv[2]!;
const root = path.join(dir, "canary-repository");
const modelDir = path.join(dir, "model");
await createPatternRepository(root, N_COMMITS);
writeTinyModel(modelDir);
const canaries = [root, "quantum.Draft", ...[1, 7, N_COMMITS - 2].map((n) => entitySource(n).name)];

const signal = new AbortController().signal;
let result: Omit<LoopAlone, "counted">;
{
  await using server = await runDemo({
    root,
    demosDir: path.join(dir, "demo"),
    modelDir,
    port: 0,
    nPoints: N_POINTS,
    overrides: OVERRIDES,
    setUpMs: 0,
    signal,
  });
  const { client, dataDir } = server;
  // Whatever its verdict on a toy: deployed by hand, as a person may.
  const { models } = await client.get("/v1/models", modelPage);
  const { aliases } = await client.get("/v1/aliases", aliasPage);
  const expected = aliases.find(({ alias }) => alias === "champion")?.version ?? null;
  const to = models[0]!.id;
  if (to !== expected) await client.send("PUT", "/v1/aliases/champion", { to, expected }, deployment);
  await client.get(`/v1/models/${to}`, modelVersionRow);
  const filesBefore = filesWith(dataDir, canaries).length;
  const request = { id: uuidv7(), requestedAtMs: Date.now(), scope: { kind: "everything" } };
  const { events } = await client.send("POST", "/v1/forget", request, forgetOperation);
  const filesAfter = filesWith(dataDir, canaries);
  result = { stages: 8, ...countPackets(), events, filesBefore, filesAfter };
}
await tryElsewhere();
const { refused, datagrams } = countPackets();
process.stdout.write(`\n${JSON.stringify({ ...result, counted: { refused, datagrams } } satisfies LoopAlone)}\n`);
process.exit(0);

/** An address that documentation may name and nobody has (RFC 5737), and loopback by UDP. */
async function tryElsewhere(): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect({ host: "192.0.2.1", port: 9 });
    socket.on("error", () => resolve());
    socket.on("connect", () => resolve());
  });
  await new Promise<void>((resolve) => {
    const socket = createSocket("udp4");
    socket.send("x", 53, "127.0.0.1", () => {
      socket.close();
      resolve();
    });
  });
}
