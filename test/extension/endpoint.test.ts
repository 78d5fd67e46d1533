import { startCodeServer, type CodeServer } from "../support/vscode/code-server.ts";
import { openEditorPage, type EditorPage } from "../support/vscode/editor-page.ts";
import { until, waitingEvents } from "../e2e/server-database.ts";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "../..");
const STEP_MS = 90_000;
const HALF = "export function addNumbers(a: number, b: number): number {\n\n}\n";
const SUGGESTED = "  return a + b; // from the model server";

/** What the model server of these tests was asked. */
interface Asked {
  readonly route: string;
  readonly key: string | null;
  readonly body: string;
}

/** An address of this machine in a private network: for the editor another machine. */
function privateAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const found = addresses.find(({ address }) =>
    /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd][0-9a-f]{2}:)/.test(
      address,
    ),
  );
  assert.ok(found, "this machine has no address in a private network");
  return found.address;
}

/** A llama.cpp server that suggests one line, whatever it is asked. */
async function modelServer(host: string): Promise<{ server: Server; origin: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (piece: Buffer) => (body += piece.toString()));
    request.on("end", () => {
      asked.push({ route: request.url!, key: request.headers.authorization ?? null, body });
      const answer =
        request.url === "/v1/models"
          ? { object: "list", data: [{ id: "m", object: "model", owned_by: "llamacpp" }] }
          : { content: SUGGESTED, stop_type: "eos", tokens_predicted: 9, tokens_evaluated: 20 };
      response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return { server, origin: `http://${host.includes(":") ? `[${host}]` : host}:${port}`, asked };
}

/** `kept.model.endpoint` in a real VS Code: who is asked before code goes to another machine, and with which key. */
describe("a model server on another machine", function () {
  this.timeout(STEP_MS * 2);
  this.bail(true);
  let runDir = "";
  let folder = "";
  let editorServer: CodeServer;
  let editor: EditorPage;
  let first: Awaited<ReturnType<typeof modelServer>>;
  let second: Awaited<ReturnType<typeof modelServer>>;
  const page = () => editor.page;

  before(async () => {
    runDir = realpathSync(mkdtempSync(path.join(tmpdir(), "kept-endpoint-")));
    folder = path.join(runDir, "folder");
    mkdirSync(path.join(folder, "src"), { recursive: true });
    writeFileSync(path.join(folder, "src/half.ts"), HALF);
    const host = privateAddress();
    [first, second] = await Promise.all([modelServer(host), modelServer(host)]);
    editorServer = await startCodeServer({
      runDir,
      settings: { "kept.server.autoStart": false, "files.hotExit": "off", "kept.model.endpoint": first.origin },
      environment: { KEPT_DATA_DIR: path.join(runDir, "data"), KEPT_CONSENT: "allow" },
    });
    editor = await openEditorPage(editorServer, folder, root);
  });
  after(async () => {
    await editor?.[Symbol.asyncDispose]();
    await editorServer?.[Symbol.asyncDispose]();
    for (const one of [first, second]) {
      one?.server.closeAllConnections();
      one?.server.close();
    }
    rmSync(runDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  /** The question that names an address, in the notification centre, which is opened. */
  const question = async (origin: string) => {
    await editor.command("Notifications: Show Notifications");
    await page().locator(".notifications-center.visible").waitFor({ timeout: STEP_MS });
    return page().locator(".notifications-center .notification-list-item", { hasText: origin });
  };
  const isReady = () => until("the model", STEP_MS, async () => /model ready/.test(await editor.statusText()));

  it("is asked nothing before the person agrees: suggestions come from this editor", async () => {
    await isReady();
    const asked = await question(first.origin);
    await asked.waitFor({ timeout: STEP_MS });
    assert.match((await asked.textContent()) ?? "", /sends the code around the cursor/);
    await editor.openFile("half.ts");
    await editor.goToLine(2);
    await editor.type("  return ");
    await editor.ghostText();
    assert.deepEqual(first.asked, []);
  });

  it("suggests once the person agreed, without a key while there is none", async () => {
    const asked = await question(first.origin);
    await asked.hover();
    await asked.locator("a, button", { hasText: "Send Code There" }).first().click();
    // The window starts anew, and looks at the server by itself.
    await until("a look at the models", STEP_MS, () => first.asked.some(({ route }) => route === "/v1/models"));
    assert.ok(first.asked.every(({ key }) => key === null));
    await page().locator(".monaco-workbench").waitFor({ timeout: STEP_MS });
    await isReady();
  });

  it("is sent the key that the command asks for, and the code; no setting and no file has the key", async () => {
    const box = page().locator(".quick-input-widget input");
    // The palette stays open as the question: it is not waited for that it closes.
    await editor.press("F1");
    await box.first().waitFor({ timeout: STEP_MS });
    await box.first().fill(">Kept: Set Key of the Model Server");
    const row = page().locator(".quick-input-list .monaco-list-row.focused", {
      hasText: "Set Key of the Model Server",
    });
    await row.first().waitFor({ timeout: STEP_MS });
    await editor.press("Enter");
    await until(
      "the question for the key",
      STEP_MS,
      async () => (await box.last().getAttribute("type")) === "password",
    );
    await box.last().fill("a-key-of-these-tests");
    await editor.press("Enter");
    await page().locator(".quick-input-widget").waitFor({ state: "hidden", timeout: STEP_MS });
    await editor.openFile("half.ts");
    await editor.goToLine(2);
    await editor.type(" ");
    const sent = await until("a request for a suggestion", STEP_MS, () =>
      first.asked.find(({ route, key }) => route === "/infill" && key === "Bearer a-key-of-these-tests"),
    );
    assert.match(sent.body, /addNumbers/);
    await until("the suggestion of that server", STEP_MS, async () =>
      ((await editor.ghostText(2_000)) ?? "").includes("from the model server"),
    );
    const settings = readFileSync(path.join(runDir, "ud/User/settings.json"), "utf8");
    assert.equal(settings.includes("a-key-of-these-tests"), false);
  });

  it("is learnt from as the editor's own model is: shown, read, accepted", async () => {
    const recorded = () => waitingEvents(path.join(runDir, "ud"));
    const shown = await until("the event of the suggestion", STEP_MS, () =>
      recorded().find((event) => event.kind === "shown" && event.completion.includes("from the model server")),
    );
    assert.ok(shown.kind === "shown" && shown.model.adapter === null);
    const kinds = () =>
      recorded().flatMap((event) =>
        "suggestionId" in event && event.suggestionId === shown.suggestionId ? [event.kind as string] : [],
      );
    await until("that it was read", STEP_MS, () => kinds().includes("read"));
    await editor.press("Tab");
    await until("that it was accepted", STEP_MS, () => kinds().includes("accepted"));
  });

  it("at another address is another question, and hears nothing until then", async () => {
    for (const file of ["ud/User/settings.json", "ud/Machine/settings.json"]) {
      const place = path.join(runDir, file);
      writeFileSync(place, readFileSync(place, "utf8").replace(first.origin, second.origin));
    }
    await page().reload();
    await page().locator(".monaco-workbench").waitFor({ timeout: STEP_MS });
    await page().locator(".statusbar-item", { hasText: "Kept" }).first().waitFor({ timeout: STEP_MS });
    const asked = await question(second.origin);
    await asked.waitFor({ timeout: STEP_MS });
    await isReady();
    assert.deepEqual(second.asked, []);
  });
});
