import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { tempFolder } from "../server/temp-folder.ts";
import { prepareEnvironment, signUp, VERSIONS, type Package } from "../support/integrations/environment.ts";
import { startRealServer } from "./real-server.ts";

interface Tool {
  readonly image: string;
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly network_mode?: string;
  readonly ports?: readonly string[];
}
const { services } = parse(readFileSync(path.resolve(import.meta.dirname, "../../compose.yaml"), "utf8")) as {
  services: Record<Package, Tool>;
};
/** Longest start on two cores that others use too, with the first migrations of a database, milliseconds. */
const START_MS = 600_000;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** What stands in compose.yaml for the tools beside Kept, done by the programs of PyPI: no container is started. */
describe("the tools of compose.yaml", function () {
  this.timeout(30 * 60_000);

  it("are of the versions that everything is tested with", () => {
    for (const [name, version] of Object.entries(VERSIONS))
      assert.match(services[name as Package].image, new RegExp(`:v?${version.replaceAll(".", "\\.")}$`));
  });

  it("MLflow: its command serves, on the port that is published", async () => {
    await using folder = await tempFolder();
    const { command, ports } = services.mlflow;
    assert.deepEqual(ports, ["127.0.0.1:5000:5000"]);
    const [program, ...args] = command.map((part) =>
      part.replace("0.0.0.0", "127.0.0.1").replace("/data", `${folder.dir}`),
    );
    await using server = await startRealServer({
      command: path.join(await prepareEnvironment("mlflow", say), program!),
      args: [...args, "--workers=1"],
      env: { MLFLOW_DISABLE_TELEMETRY: "true", DO_NOT_TRACK: "true" },
      port: 5000,
      health: "/health",
      startMs: START_MS,
    });
    const version = await fetch(`${server.url}/version`);
    assert.equal(await version.text(), VERSIONS.mlflow);
  });

  it("Label Studio: its command serves, and may connect to this machine", async () => {
    await using folder = await tempFolder();
    const { command, environment, network_mode: network } = services["label-studio"];
    assert.equal(network, "host");
    const [program, ...args] = command;
    await using server = await startRealServer({
      command: path.join(await prepareEnvironment("label-studio", say), program!),
      args,
      // The folder, as the image sets it.
      env: { ...environment, LABEL_STUDIO_BASE_DATA_DIR: folder.dir, COLLECT_ANALYTICS: "0", SENTRY_DSN: "" },
      port: 8080,
      health: "/health",
      startMs: START_MS,
    });
    const refresh = await signUp(server.url);
    const ask = async (target: string, body: unknown, access?: string) => {
      const answer = await fetch(server.url + target, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          ...(access === undefined ? {} : { Authorization: `Bearer ${access}` }),
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(60_000),
      });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    };
    const { access } = (await ask("/api/token/refresh/", { refresh })).body as { access: string };
    const project = await ask("/api/projects/", { title: "compose" }, access);
    assert.equal(project.status, 201);
    const hook = await ask(
      "/api/webhooks/",
      { url: "http://127.0.0.1:7777/v1/label-studio/webhook", project: project.body["id"] },
      access,
    );
    assert.equal(hook.status, 201, JSON.stringify(hook.body));
  });
});
