import { validate } from "dockerfile-utils";
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { backupsOf } from "../../server/places.ts";
import { readRuntimeFile } from "../../server/runtime-file.ts";
import { followAsService } from "./as-service.ts";
import { tempFolder } from "../server/temp-folder.ts";
import { until } from "../server/server-process.ts";
import { committedCopy } from "../support/committed-copy.ts";

const root = path.resolve(import.meta.dirname, "../..");
const text = readFileSync(path.join(root, "Dockerfile"), "utf8");

/** Instructions with continued lines joined: `[name, rest]`. */
const instructions = text
  .replaceAll(/^\s*#.*\n/gm, "")
  .replaceAll(/\\\n/g, " ")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => /^(\S+)\s+(.*)$/.exec(line)!.slice(1) as [string, string]);

describe("the Dockerfile", function () {
  this.timeout(900_000);

  it("is right for the linter", () => {
    assert.deepEqual(validate(text), []);
    assert.notDeepEqual(validate(`${text}\nCOPYY a b\n`), []);
  });

  it("makes a server that listens, from a clean clone and as the shell does it", async () => {
    await using folder = await tempFolder();
    const context = path.join(folder.dir, "context");
    committedCopy(context);
    const stages = new Map<string, string>();
    let image = "";
    let workdir = "";
    const place = (at: string): string => path.join(image, at.startsWith("/") ? at : path.join(workdir, at));
    const parts = { entry: [] as string[], command: [] as string[], health: [] as string[], skipped: [] as string[] };
    for (const [name, rest] of instructions) {
      switch (name) {
        case "FROM": {
          const [, from, stage = "last"] = /^(\S+)(?: AS (\S+))?$/.exec(rest)!;
          assert.match(from!, /^node:24-/);
          image = path.join(folder.dir, `image-${stage}`);
          stages.set(stage, image);
          break;
        }
        case "WORKDIR":
          workdir = rest;
          mkdirSync(place("."), { recursive: true });
          break;
        case "COPY": {
          const [, from, names] = /^(?:--from=(\S+) )?(.*)$/.exec(rest)!;
          const all = names!.split(" ");
          const to = all.pop()!;
          for (const one of all) {
            const source = from === undefined ? path.join(context, one) : path.join(stages.get(from)!, one);
            const target = all.length > 1 || to.endsWith("/") ? path.join(place(to), path.basename(one)) : place(to);
            cpSync(source, target, { recursive: true, filter: (file) => path.basename(file) !== ".git" });
          }
          break;
        }
        case "RUN":
          // Of the system, not of Kept: this machine has git, and the folder is made below.
          if (/^apt-get|^install --directory/.test(rest)) parts.skipped.push(rest);
          else execFileSync("sh", ["-c", rest], { cwd: place("."), stdio: "pipe", env: plainEnvironment() });
          break;
        case "ENTRYPOINT":
          parts.entry = JSON.parse(rest) as string[];
          break;
        case "CMD":
          parts.command = JSON.parse(rest) as string[];
          break;
        case "HEALTHCHECK":
          parts.health = JSON.parse(rest.slice(rest.indexOf("["))) as string[];
          break;
        default:
          assert.ok(["ENV", "USER", "VOLUME", "STOPSIGNAL"].includes(name), name);
      }
    }
    assert.equal(parts.skipped.length, 2);
    for (const missing of ["server/app.ts", "test", "node_modules/typescript"])
      assert.ok(!existsSync(place(missing)), missing);

    const dataDir = path.join(folder.dir, "data");
    const env = { ...plainEnvironment(), NODE_ENV: "production", KEPT_DATA_DIR: dataDir };
    const [program, ...args] = [...parts.entry, ...parts.command];
    const server = spawn(program!, args, { cwd: place("."), env, stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(server, "exit");
    try {
      await until(() => readRuntimeFile(path.join(dataDir, "server.json")), 60_000);
      const [check, ...checkArgs] = parts.health;
      assert.match(execFileSync(check!, checkArgs, { cwd: place("."), env, encoding: "utf8" }), /champion/);
      const doctor = execFileSync(program!, [parts.entry[1]!, "doctor", "--json"], {
        cwd: place("."),
        env,
        encoding: "utf8",
      });
      assert.match(doctor, /fillInTheMiddle/);
    } finally {
      server.kill("SIGTERM");
    }
    assert.deepEqual(await ended, [0, null]);
    // The image's /app is one of the places where the page's units have Kept.
    cpSync(path.join(context, "scripts/systemd"), place("scripts/systemd"), { recursive: true });
    await followAsService(place("."), path.join(folder.dir, "service"));
  });
});

describe("compose.yaml", () => {
  const { services } = parse(readFileSync(path.join(root, "compose.yaml"), "utf8")) as {
    services: Record<
      string,
      {
        profiles?: string[];
        ports?: string[];
        network_mode?: string;
        command?: string[];
        volumes?: { source: string; target: string }[];
        cap_drop?: string[];
        image: string;
        privileged?: boolean;
      }
    >;
  };

  it("starts the server alone unless tools are asked for", () => {
    const plain = Object.entries(services).filter(([, service]) => service.profiles === undefined);
    assert.deepEqual(
      plain.map(([name]) => name),
      ["kept"],
    );
    assert.deepEqual(Object.keys(services).toSorted(), ["kept", "label-studio", "mlflow"]);
  });

  it("has the data folder and its backups where the editor and the server look for them", () => {
    const places = services["kept"]!.volumes!.map(({ source, target }) => [source.replace(/\$\{[^}]*\}/, "D"), target]);
    assert.deepEqual(places, [
      ["D", "/data"],
      ["D-backups", backupsOf("/data")],
    ]);
  });

  it("lets nobody in from another machine, and gives the server no rights", () => {
    for (const [name, { ports = [], network_mode: network, command = [] }] of Object.entries(services)) {
      for (const port of ports) assert.match(port, /^127\.0\.0\.1:/);
      // Kept's own server has no other place to listen; who else shares the machine's network is told so.
      if (network === "host" && name !== "kept") assert.ok(command.includes("--internal-host=127.0.0.1"), name);
    }
    assert.equal(services["kept"]!.network_mode, "host");
    assert.deepEqual(services["kept"]!.cap_drop, ["ALL"]);
    for (const { image, privileged } of Object.values(services)) {
      assert.match(image, /:(?!latest)[\w.-]+$/);
      assert.equal(privileged, undefined);
    }
  });
});

/** Nothing of this test's own place. */
const plainEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(KEPT_|npm_|INIT_CWD$|NODE_ENV$)/i.test(key)));
