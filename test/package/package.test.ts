import { runtimeFile, type RuntimeFile } from "../../protocol/api.ts";
import { startCodeServer, type CodeServer } from "../support/vscode/code-server.ts";
import { openEditorPage, type EditorPage } from "../support/vscode/editor-page.ts";
import { createHostileWorkspace, type HostileWorkspace } from "../support/vscode/hostile-workspace.ts";
import { installCodeServer, node24 } from "../support/vscode/install.ts";
import { until } from "../e2e/server-database.ts";
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = path.resolve(import.meta.dirname, "../..");
const { ALLOWED, FORBIDDEN } = (await import(path.join(root, "scripts/package-contents.mjs"))) as {
  ALLOWED: RegExp[];
  FORBIDDEN: RegExp[];
};

const TARGET = "linux-x64";
/** The package without the base model, bytes. */
const MAX_BYTES = 60e6;
const STEP_MS = 90_000;
const POINT = `export interface Point {
  x: number;
  y: number;
}

export function addPoint(a: Point, b: Point): Point {
  return { x: a.x + b.x, y: a.y + b.y };
}

export function subtractPoint(a: Point, b: Point): Point {

}
`;
/** What the editor's own scripts call by name; no Node among them. */
const PROGRAMS = ["git", "sh", "env", "uname", "cat", "ls", "ps", "which", "getconf", "dirname", "readlink"];

/** In the page: writes down the text of every toast in which Kept asks something. */
function noteToasts(): void {
  const seen = new WeakSet<Element>();
  const texts: string[] = [];
  Object.assign(globalThis, { keptToasts: texts });
  new MutationObserver(() => {
    for (const toast of document.querySelectorAll(".notification-toast")) {
      const text = toast.textContent ?? "";
      if (seen.has(toast) || !text.includes("Kept can learn")) continue;
      seen.add(toast);
      texts.push(text);
    }
  }).observe(document, { childList: true, subtree: true, characterData: true });
}

/** The .vsix as a person gets it, in a clean editor, on a machine without Node, on a stranger's folder. */
describe("package", function () {
  this.timeout(STEP_MS * 2);
  this.bail(true);
  let runDir = "";
  let dataDir = "";
  let made: { file: string; bytes: number; bytesWithoutModel: number };
  let installed = "";
  let workspace: HostileWorkspace;
  let server: CodeServer | null = null;
  let editor: EditorPage;
  let runtime: RuntimeFile | null = null;

  const readRuntime = (): RuntimeFile | null => {
    const file = path.join(dataDir, "server.json");
    return existsSync(file) ? runtimeFile.parse(JSON.parse(readFileSync(file, "utf8"))) : null;
  };
  const ask = async (method: string, route: string, body?: unknown) => {
    assert.ok(runtime);
    const response = await fetch(`http://127.0.0.1:${runtime.port}${route}`, {
      method,
      headers: { authorization: `Bearer ${runtime.token}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(STEP_MS),
    });
    return { status: response.status, value: (await response.json()) as Record<string, unknown> };
  };

  before(function () {
    if (process.platform !== "linux" || process.arch !== "x64") throw new Error(`These tests are for ${TARGET}.`);
    runDir = realpathSync(mkdtempSync(path.join(tmpdir(), "kept-package-test-")));
    dataDir = path.join(runDir, "data");
    workspace = createHostileWorkspace(runDir, POINT);
  });
  after(async () => {
    await editor?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    if (runtime) {
      const { pid } = runtime;
      process.kill(pid, "SIGTERM");
      await until("the server's end", STEP_MS, () => !existsSync(`/proc/${pid}`));
    }
    rmSync(runDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  it("is built by one command", async () => {
    const { stdout } = await run(node24, [path.join(root, "scripts/package.mjs"), "--target", TARGET, "--out", runDir]);
    made = JSON.parse(stdout.trim().split("\n").at(-1)!) as typeof made;
    assert.equal(statSync(path.join(root, made.file)).size, made.bytes);
  });

  it("is small, with the base model and without", () => {
    assert.ok(made.bytesWithoutModel <= MAX_BYTES, `${made.bytesWithoutModel} bytes`);
    assert.ok(made.bytes <= MAX_BYTES, `${made.bytes} bytes with the base model`);
  });

  it("installs into a clean editor", async () => {
    const entry = path.join(await installCodeServer(), "out/node/entry.js");
    const extensions = path.join(runDir, "ext");
    mkdirSync(extensions);
    const flags = [
      "--extensions-dir",
      extensions,
      "--user-data-dir",
      path.join(runDir, "ud"),
      "--config",
      path.join(runDir, "none.yaml"),
    ];
    await run(node24, [entry, ...flags, "--install-extension", path.join(root, made.file), "--force"]);
    const name = readdirSync(extensions).find((entryName) => entryName.startsWith("kept.kept-"));
    assert.ok(name);
    installed = path.join(extensions, name);
  });

  it("holds what its list allows, and nothing else", () => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => path.relative(installed, path.join(entry.parentPath, entry.name)))
      .filter((file) => file !== ".vsixmanifest");
    assert.ok(files.length > 50);
    assert.deepEqual(
      files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file))),
      [],
    );
    assert.deepEqual(
      files.filter((file) => FORBIDDEN.some((pattern) => pattern.test(file))),
      [],
    );
    for (const wanted of [
      "readme.md",
      "changelog.md",
      "LICENSE.txt",
      "ThirdPartyNotices.txt",
      "models/base/model.safetensors",
    ])
      assert.ok(
        files.some((file) => file.toLowerCase() === wanted.toLowerCase()),
        wanted,
      );
    // The native files of this platform alone.
    assert.equal(files.filter((file) => file.endsWith(".node")).length, 2);
    assert.equal(files.filter((file) => file.includes("libonnxruntime")).length, 1);
  });

  it("has every file that its manifest and its pages name", () => {
    const manifest = readFileSync(path.join(installed, "package.json"), "utf8");
    const { main, icon, l10n } = JSON.parse(manifest) as Record<string, string>;
    const named = [...manifest.matchAll(/"(media\/[^"]+)"/g)].map(([, file]) => file!);
    for (const file of [main, icon, l10n, ...named]) assert.ok(existsSync(path.join(installed, file!)), file);
    const readme = readFileSync(path.join(installed, "readme.md"), "utf8");
    for (const [, image] of readme.matchAll(/!\[[^\]]*\]\(([^)]+)\)/g))
      assert.ok(existsSync(path.join(installed, image!)), image);
  });

  it("names the licences of what it contains", () => {
    const notices = readFileSync(path.join(installed, "ThirdPartyNotices.txt"), "utf8");
    for (const name of ["better-sqlite3", "onnxruntime-node", "zod", "hono", "lit", "@huggingface/tokenizers"])
      assert.match(notices, new RegExp(`^${name.replace("/", "\\/")} \\d`, "m"));
    assert.doesNotMatch(notices, /\b(GPL|AGPL)\b.*General Public License version/);
  });

  it("starts in an editor on a machine without Node, in a stranger's folder", async () => {
    const bin = path.join(runDir, "bin");
    mkdirSync(bin);
    for (const program of PROGRAMS) {
      const found = ["/usr/bin", "/bin"].map((dir) => path.join(dir, program)).find((file) => existsSync(file));
      if (found) symlinkSync(found, path.join(bin, program));
    }
    assert.equal(existsSync(path.join(bin, "node")), false);
    server = await startCodeServer({
      runDir,
      // The editor's own git support would run what the folder names.
      settings: { "git.enabled": false },
      environment: { PATH: bin, KEPT_DATA_DIR: dataDir },
      isDriven: false,
    });
    editor = await openEditorPage(server, workspace.folder, null, { init: noteToasts });
  });

  it("asks once, in a notification, what it may record", async () => {
    const { page } = editor;
    await until("the model", STEP_MS, async () => /model ready/.test(await editor.statusText()));
    assert.match(await editor.statusText(), /not learning from this folder/);
    const toasts = () => page.evaluate(() => (globalThis as unknown as { keptToasts: string[] }).keptToasts);
    await until("the notification", STEP_MS, async () => (await toasts()).length > 0);
    assert.equal((await toasts()).length, 1);
    // It may have gone to the bell by now: there it is too.
    await editor.command("Notifications: Show Notifications");
    const asked = page.locator(".notifications-center .notification-list-item", { hasText: "Kept can learn" });
    await asked.first().waitFor({ timeout: STEP_MS });
    assert.equal(await asked.count(), 1);
    await asked.getByRole("button", { name: "Outcomes and code" }).click({ timeout: STEP_MS });
    await until("the answer", STEP_MS, async () =>
      /(?<!not )learning from this folder/.test(await editor.statusText()),
    );
    assert.equal((await toasts()).length, 1);
  });

  it("starts the server on the editor's own executable", async () => {
    runtime = await until("the runtime file", STEP_MS, readRuntime);
    assert.equal(readlinkSync(`/proc/${runtime.pid}/exe`), realpathSync(node24));
    await until("the status item", STEP_MS, async () => /server connected/.test(await editor.statusText()));
    const { status } = await ask("GET", "/v1/status");
    assert.equal(status, 200);
  });

  it("suggests, with the model that it brings", async () => {
    await until("the model", STEP_MS, async () => /model ready/.test(await editor.statusText()));
    await editor.openFile("point.ts");
    await editor.goToLine(11);
    let ghost: string | null = null;
    for (const text of ["  return ", "{ x: a.x ", "- "]) {
      await editor.type(text);
      ghost = await editor.ghostText(10_000);
      if ((ghost ?? "").trim() !== "") break;
    }
    assert.notEqual((ghost ?? "").trim(), "");
    await editor.press("Tab");
  });

  it("tells the server of it, and reads the folder's history for a dataset", async () => {
    await until("an accepted event", STEP_MS, async () => {
      const { value } = await ask("GET", "/v1/suggestions?limit=10");
      return (value["suggestions"] as { outcome: string }[]).some(({ outcome }) => outcome === "accepted");
    });
    const { status } = await ask("POST", "/v1/datasets", { workspaces: [workspace.folder] });
    assert.ok(status === 201 || status === 422, String(status));
  });

  it("G47: ran no program of the folder, and none that its git configuration names", () => {
    assert.deepEqual(workspace.executed(), []);
  });

  it("G46: followed no setting of the folder: not its addresses, not its paths", () => {
    assert.deepEqual(workspace.followed(), []);
    // The server was started, though the folder's settings say not to, and in the user's own data folder.
    assert.ok(existsSync(path.join(dataDir, "kept.db")));
  });
});
