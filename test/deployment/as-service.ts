import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { readRuntimeFile } from "../../server/runtime-file.ts";
import { until } from "../server/server-process.ts";
import { followPage } from "../support/followed-page.ts";

const START_MS = 60_000;

/**
 * Follows the page's start with systemd for a Kept that stands in `app`, without a systemd: `systemctl` writes down
 * what it was asked, and then what the units say is started is started, in the folders of this test.
 */
export async function followAsService(app: string, dir: string): Promise<void> {
  const [units, state, home] = ["units", "state", "home"].map((name) => path.join(dir, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [units, path.join(state, "kept-anna")]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  const asked = path.join(dir, "asked");
  const programs = { systemctl: `#!/bin/sh\necho "$@" >> "${asked}"\n` };
  await using page = followPage("integrations/deployment.md", "systemd, in five minutes", { home, programs });
  const places = { "/opt/kept": app, "/var/lib": state };
  await page.terminal(app).follow({ "/etc/systemd/system": units });
  assert.equal(readFileSync(asked, "utf8"), "enable --now kept@anna kept-backup@anna.timer\n");
  assert.equal(readdirSync(units).length, 3);

  const started = commandOf(path.join(units, "kept@.service"), places);
  const server = spawn(started.program, started.args, { env: started.env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  server.stderr.on("data", (chunk: Buffer) => void (said += chunk.toString()));
  const ended = once(server, "exit");
  try {
    const file = path.join(state, "kept-anna", "server.json");
    await until(() => {
      assert.equal(server.exitCode, null, said);
      return readRuntimeFile(file);
    }, START_MS);
    assert.match(await page.terminal().follow(places), /champion/);
    page.end();
    const backup = commandOf(path.join(units, "kept-backup@.service"), places);
    execFileSync(backup.program, backup.args, { env: backup.env, stdio: "pipe" });
    assert.equal(
      readdirSync(path.join(state, "kept-anna-backups")).filter((name) => name.startsWith("kept-")).length,
      1,
    );
  } finally {
    server.kill("SIGTERM");
  }
  assert.deepEqual(await ended, [0, null]);
}

/** What a unit starts for anna, with the folders of this test in place of the machine's. */
function commandOf(file: string, places: Readonly<Record<string, string>>) {
  let text = readFileSync(file, "utf8").replaceAll("%i", "anna");
  for (const [from, to] of Object.entries(places)) text = text.replaceAll(from, to);
  const valueOf = (key: string): string[] => new RegExp(`^${key}=(.*)$`, "m").exec(text)![1]!.split(" ");
  const [program, ...args] = valueOf("ExecStart");
  const env = { PATH: process.env["PATH"], ...Object.fromEntries(valueOf("Environment").map((one) => one.split("="))) };
  return { program: program!, args, env: env as NodeJS.ProcessEnv };
}
