import type { KeptEvent } from "../../protocol/events.ts";
import { startCodeServer, type CodeServer } from "../support/vscode/code-server.ts";
import { openEditorPage, type EditorPage } from "../support/vscode/editor-page.ts";
import { eventsIn } from "../support/vscode/left-events.ts";
import { node24 } from "../support/vscode/install.ts";
import Database from "better-sqlite3";
import { until } from "../e2e/server-database.ts";
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");
const STEP_MS = 90_000;
const POINT = `export interface Point {
  x: number;
  y: number;
}

export function addPoint(a: Point, b: Point): Point {
  return { x: a.x + b.x, y: a.y + b.y };
}

`;

/** F17 in a real VS Code: a window killed while a person types, then two windows on one folder. */
describe("windows", function () {
  this.timeout(STEP_MS * 2);
  this.bail(true);
  let runDir = "";
  let dataDir = "";
  let folder = "";
  let editorServer: CodeServer;
  let server: ChildProcess | null = null;
  const pages: EditorPage[] = [];
  let left: KeptEvent[] = [];

  const outboxDir = () => path.join(runDir, "ud/User/globalStorage/kept.kept/outbox");
  const spoolFiles = () =>
    existsSync(outboxDir()) ? readdirSync(outboxDir()).filter((name) => name.endsWith(".jsonl")) : [];
  const waiting = (): KeptEvent[] => eventsIn(outboxDir());
  const stored = (): string[] => {
    const file = path.join(dataDir, "kept.db");
    if (!existsSync(file)) return [];
    const db = new Database(file, { readonly: true });
    try {
      // The server makes its tables first.
      if (db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'events'").get() === undefined) return [];
      return db
        .prepare<[], { body: string }>("SELECT body FROM events")
        .all()
        .map(({ body }) => (JSON.parse(body) as KeptEvent).id);
    } finally {
      db.close();
    }
  };
  /** Extension hosts of this run's editor. */
  const extensionHosts = (): number[] =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .filter((name) => {
        try {
          return (
            readFileSync(`/proc/${name}/cmdline`, "utf8").includes("--type=extensionHost") &&
            readFileSync(`/proc/${name}/environ`, "utf8").includes(`KEPT_DATA_DIR=${dataDir}\0`)
          );
        } catch {
          return false;
        }
      })
      .map(Number);
  const openPage = async (): Promise<EditorPage> => {
    const page = await openEditorPage(editorServer, folder, root);
    pages.push(page);
    await until("the model", STEP_MS, async () => /model ready/.test(await page.statusText()));
    return page;
  };

  before(async () => {
    runDir = realpathSync(mkdtempSync(path.join(tmpdir(), "kept-windows-")));
    dataDir = path.join(runDir, "data");
    folder = path.join(runDir, "folder");
    mkdirSync(path.join(folder, "src"), { recursive: true });
    for (const name of ["one", "two", "three"]) writeFileSync(path.join(folder, `src/${name}.ts`), POINT);
    editorServer = await startCodeServer({
      runDir,
      settings: { "kept.server.autoStart": false, "files.hotExit": "off" },
      environment: { KEPT_DATA_DIR: dataDir, KEPT_CONSENT: "allow" },
    });
  });
  after(async () => {
    for (const page of pages) await page[Symbol.asyncDispose]();
    await editorServer?.[Symbol.asyncDispose]();
    if (server && server.exitCode === null) {
      const gone = new Promise((resolve) => server?.once("exit", resolve));
      server.kill("SIGTERM");
      await gone;
    }
    rmSync(runDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  it("F17: a window is killed while a person types", async () => {
    const page = await openPage();
    await page.openFile("one.ts");
    await page.goToLine(9);
    const typing = (async () => {
      for (const text of [
        "export function subtractPoint(a: Point, b: Point): Point {\n",
        "  return ",
        "{ x: a.x ",
        "- b.x",
      ])
        await page.type(text);
    })();
    await until("events on disk", STEP_MS, () => waiting().length >= 2);
    const [host] = extensionHosts();
    assert.ok(host);
    process.kill(host, "SIGKILL");
    await typing;
    await until("its end", STEP_MS, () => !existsSync(`/proc/${host}`));
    left = waiting();
    assert.ok(left.length >= 2);
    await page[Symbol.asyncDispose]();
  });

  it("F17: two windows open on the folder, and each event left behind is taken over by one of them", async () => {
    const [one, two] = await Promise.all([openPage(), openPage()]);
    for (const [page, file] of [
      [one, "two.ts"],
      [two, "three.ts"],
    ] as const) {
      await page.openFile(file);
      await page.goToLine(9);
      for (const text of ["export function scalePoint(a: Point, by: number): Point {\n", "  return ", "{ x: a.x "]) {
        await page.type(text);
        if (((await page.ghostText(6_000)) ?? "").trim() !== "") break;
      }
    }
    const sessions = await until("events of both", STEP_MS, () => {
      const found = new Set(waiting().map(({ sessionId }) => sessionId));
      return found.size >= 3 ? found : null;
    });
    assert.ok(sessions.has(left[0]!.sessionId));
    const ids = waiting().map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
  });

  it("F17: a server comes: everything arrives, and nothing twice", async () => {
    server = spawn(node24, [path.join(root, "dist/server.cjs")], {
      env: { ...process.env, KEPT_DATA_DIR: dataDir },
      stdio: "ignore",
    });
    await until("everything in the store", STEP_MS, () => {
      const ids = new Set(stored());
      return left.every(({ id }) => ids.has(id)) && waiting().length === 0;
    });
    const ids = stored();
    assert.equal(new Set(ids).size, ids.length);
  });

  it("F17: no file of the killed window is left, and no lock", async () => {
    const alive = new Set(extensionHosts());
    await until("clean folder", STEP_MS, () =>
      spoolFiles().every((name) => alive.has(Number.parseInt(name, 10)) && !name.includes(".from-")),
    );
    assert.deepEqual(
      readdirSync(outboxDir()).filter((name) => !/\.jsonl(\.offset)?$/.test(name)),
      [],
    );
  });
});
