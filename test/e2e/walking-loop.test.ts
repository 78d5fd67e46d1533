import { trainingRun, why as whySchema } from "../../protocol/api.ts";
import type { EvaluationReport } from "../../protocol/evaluation.ts";
import type { EventKind, EventOf, KeptEvent } from "../../protocol/events.ts";
import { startCodeServer, type CodeServer } from "../support/vscode/code-server.ts";
import { openEditorPage, type EditorPage } from "../support/vscode/editor-page.ts";
import { askServer } from "./ask-server.ts";
import { createPatternRepository, entitySource, git } from "./pattern-repository.ts";
import { POINT } from "./point-source.ts";
import { isAlive, query, readRuntime, storedEvents, until, waitingEvents } from "./server-database.ts";
import Database from "better-sqlite3";
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/**
 * The walking loop in a real VS Code: a person types, sees, accepts, rejects, rates and commits; the
 * server learns; the editor suggests with what was learned. Nothing is replaced by a double. Each step
 * is a test, and each builds on the one before.
 */
const root = path.resolve(import.meta.dirname, "../..");
/** A busy machine of two cores. */
const STEP_MS = 60_000;
const TRAINING_MS = 300_000;
/** Enough to learn a house style of one pattern; a real history gets more. */
const TRAINING = { steps: 80, learningRate: 3e-3 };
/** An entity that is not in the history. */
const NEXT_ENTITY = 190;

describe("walking loop", function () {
  this.timeout(STEP_MS * 2);
  this.bail(true);

  let runDir = "";
  let folder = "";
  let dataDir = "";
  let server: CodeServer;
  let editor: EditorPage;
  const ids = { accepted: "", rejected: "" };
  let firstGhost = "";
  let runId = "";
  let champion = "";

  const userDataDir = () => path.join(runDir, "ud");
  const eventsOf = (id: string): KeptEvent[] => storedEvents(dataDir, id);
  const stored = <K extends EventKind>(kind: K, id: string): Promise<EventOf<K>> =>
    until(`a ${kind} event of ${id} in the store`, STEP_MS, () =>
      eventsOf(id).find((event): event is EventOf<K> => event.kind === kind),
    );
  /** The shown event of the suggestion whose ghost stands on a line (1-based) of the file on screen. */
  const shownAs = (ghost: string, line: number): Promise<EventOf<"shown">> =>
    until(`the shown event of ${JSON.stringify(ghost)}`, STEP_MS, () =>
      storedEvents(dataDir)
        .filter((event): event is EventOf<"shown"> => event.kind === "shown" && event.context.line === line - 1)
        .findLast(({ completion }) => withoutSpace(completion).endsWith(withoutSpace(ghost))),
    );
  const request = (method: string, route: string, body?: unknown) => askServer(dataDir, method, route, body);
  /** Types until a suggestion stands behind the cursor: what a person who waits for one does. */
  const typeUntilGhost = async (attempts: readonly string[]): Promise<string> => {
    for (const text of attempts) {
      await editor.type(text);
      const ghost = await editor.ghostText(6_000);
      if (ghost !== null && ghost.trim() !== "") return ghost;
    }
    throw new Error(`No ghost text after ${JSON.stringify(attempts)}.`);
  };

  before(async function () {
    this.timeout(STEP_MS * 3);
    // Paths are compared as git and the server see them.
    runDir = realpathSync(mkdtempSync(path.join(tmpdir(), "kept-loop-")));
    folder = path.join(runDir, "fleet");
    dataDir = path.join(runDir, "data");
    await createPatternRepository(folder);
    mkdirSync(path.join(folder, "src"), { recursive: true });
    writeFileSync(path.join(folder, "src/point.ts"), POINT);
    const environment = { KEPT_DATA_DIR: dataDir, KEPT_CONSENT: "allow", KEPT_RETENTION_SCHEDULE_MS: "1500,4000" };
    server = await startCodeServer({ runDir, environment });
    editor = await openEditorPage(server, folder, root);
  });

  afterEach(async function () {
    if (this.currentTest?.state !== "failed" || !editor) return;
    const dir = process.env["KEPT_SCREENSHOTS"];
    if (dir) await editor.page.screenshot({ path: path.join(dir, "walking-loop-failed.png") });
  });

  after(async () => {
    await editor?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
    const runtime = readRuntime(dataDir);
    if (runtime && isAlive(runtime.pid)) {
      process.kill(runtime.pid, "SIGTERM");
      await until("the server's end", STEP_MS, () => !isAlive(runtime.pid));
    }
    rmSync(runDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  });

  describe("suggest and observe", () => {
    it("starts the server when none runs, and joins it", async () => {
      const runtime = await until("the runtime file", STEP_MS, () => readRuntime(dataDir));
      assert.ok(isAlive(runtime.pid));
      await until("the status item", STEP_MS, async () => /server connected/.test(await editor.statusText()));
    });

    it("loads the base model", async () => {
      await until("the model", STEP_MS, async () => /model ready/.test(await editor.statusText()));
    });

    it("shows ghost text from the base model while a person types", async () => {
      await editor.openFile("point.ts");
      await editor.goToLine(11);
      firstGhost = await typeUntilGhost(["  return ", "{ x: a.x ", "- "]);
      assert.ok(firstGhost.length > 0);
      await saveScreenshot(editor, "suggestion.png");
    });

    it("tells the server that it was shown, with the model that made it", async () => {
      const shown = await shownAs(firstGhost, 11);
      ids.accepted = shown.suggestionId;
      assert.equal(shown.context.path, "src/point.ts");
      assert.equal(shown.context.root, folder);
      assert.equal(shown.model.adapter, null);
      assert.match(shown.model.base, /^[0-9a-f]{64}$/);
    });

    it("tells that it was long enough on screen to be read", async () => {
      assert.equal((await stored("read", ids.accepted)).visibleMs, 750);
    });

    it("accepts with Tab", async () => {
      await editor.press("Tab");
      const accepted = await stored("accepted", ids.accepted);
      assert.ok(accepted.visibleMs > 0);
      await editor.noGhostText();
    });

    it("rates it up with the thumb over the accepted code", async () => {
      await editor.page
        .locator(".codelens-decoration a", { has: editor.page.locator(".codicon-thumbsup") })
        .first()
        .click();
      assert.equal((await stored("rated", ids.accepted)).verdict, "up");
    });

    it("finds it retained in the buffer", async () => {
      const retained = await stored("retained", ids.accepted);
      assert.equal(retained.tokens, 1);
      assert.equal(retained.strictTokens, 1);
    });

    it("rejects another with Escape", async () => {
      await editor.focusText();
      await editor.goToLine(15);
      const ghost = await typeUntilGhost(["  return ", "{ x: a.x ", "* "]);
      const shown = await shownAs(ghost, 15);
      ids.rejected = shown.suggestionId;
      await editor.press("Escape");
      await stored("rejected", ids.rejected);
      await editor.noGhostText();
    });

    it("thumbs it down with the keyboard, and says why", async () => {
      await editor.press("Control+Alt+K");
      await editor.press("Control+Alt+ArrowDown");
      assert.equal((await stored("rated", ids.rejected)).verdict, "down");
      const pick = editor.page.locator(".quick-input-widget");
      await pick.locator("input[type=text]").fill("style");
      await pick.locator(".monaco-list-row.focused", { hasText: /style/i }).waitFor({ timeout: STEP_MS });
      await editor.press("Enter");
      await until("the reason", STEP_MS, () =>
        eventsOf(ids.rejected).some((event) => event.kind === "rated" && event.reason === "style"),
      );
      await pick.waitFor({ state: "hidden" });
    });

    it("saves and commits, and the accepted code survives in HEAD", async () => {
      await editor.press("Control+S");
      await until("a saved file", STEP_MS, async () => (await editor.page.locator(".tab.active.dirty").count()) === 0);
      await git(folder, ["add", "src/point.ts"]);
      await git(folder, ["commit", "-q", "-m", "Subtract points"]);
      const head = (await git(folder, ["rev-parse", "HEAD"])).trim();
      const survived = await stored("survived", ids.accepted);
      assert.equal(survived.commit, head);
      assert.equal(survived.place, "head");
      assert.equal(survived.tokens, 1);
    });

    it("has all of it in SQLite under one suggestion id each, every event once", () => {
      const kinds = (id: string) => new Set(eventsOf(id).map(({ kind }) => kind));
      for (const kind of ["shown", "accepted", "rated", "retained", "survived"] as const)
        assert.ok(kinds(ids.accepted).has(kind), kind);
      for (const kind of ["shown", "rejected", "rated"] as const) assert.ok(kinds(ids.rejected).has(kind), kind);
      const [count] = query<{ n: number; distinct_n: number }>(
        dataDir,
        "SELECT count(*) AS n, count(DISTINCT id) AS distinct_n FROM events",
      );
      assert.equal(count?.n, count?.distinct_n);
    });
  });

  describe("collect", () => {
    it("labels the accepted one good and the rejected one bad, with reasons", async () => {
      const labelOf = (id: string) =>
        query<{ verdict: string; reasons: string }>(
          dataDir,
          "SELECT verdict, reasons FROM labels WHERE suggestion_id = ?",
          id,
        )[0];
      await until(
        "both labels",
        STEP_MS,
        () => labelOf(ids.accepted)?.verdict === "good" && labelOf(ids.rejected)?.verdict === "bad",
      );
      assert.ok((JSON.parse(labelOf(ids.accepted)!.reasons) as unknown[]).length > 0);
    });

    it("makes an in-context example of the good one", async () => {
      await until(
        "the example",
        STEP_MS,
        () => query(dataDir, "SELECT 1 FROM examples WHERE suggestion_id = ?", ids.accepted).length === 1,
      );
    });
  });

  describe("server killed", () => {
    let before = 0;
    let offline = "";
    let lock: Database.Database | null = null;
    after(() => lock?.close());

    it("goes on suggesting, and events wait in the outbox", async () => {
      before = storedEvents(dataDir).length;
      const runtime = readRuntime(dataDir);
      assert.ok(runtime);
      process.kill(runtime.pid, "SIGKILL");
      await until("the server's end", STEP_MS, () => !isAlive(runtime.pid));
      // Another process holds the data folder: the servers that the editor starts meanwhile give way.
      lock = await until("the lock", STEP_MS, () => holdInstanceLock(dataDir));
      await until("the status item", STEP_MS, async () => /server away/.test(await editor.statusText()));
      await editor.focusText();
      await editor.goToLine(19);
      await typeUntilGhost(["  return ", "{ x: a.x ", "/ "]);
      await until("a waiting shown event", STEP_MS, () =>
        waitingEvents(userDataDir()).some(({ kind }) => kind === "shown"),
      );
      await editor.press("Tab");
      const accepted = await until("a waiting accept", STEP_MS, () =>
        waitingEvents(userDataDir()).find(({ kind }) => kind === "accepted"),
      );
      offline = accepted.suggestionId;
      assert.equal(storedEvents(dataDir).length, before);
    });

    it("starts a new server, and everything arrives exactly once", async () => {
      const waiting = waitingEvents(userDataDir());
      assert.ok(waiting.length >= 2);
      lock?.close();
      lock = null;
      await stored("accepted", offline);
      await until("an empty outbox", STEP_MS, () => waitingEvents(userDataDir()).length === 0);
      const count = new Map<string, number>();
      for (const { id } of storedEvents(dataDir)) count.set(id, (count.get(id) ?? 0) + 1);
      for (const { id, kind } of waiting) assert.equal(count.get(id), 1, `${kind} ${id}`);
      await until("the status item", STEP_MS, async () => /server connected/.test(await editor.statusText()));
    });

    it("lost and repeated nothing of the session", () => {
      const sequences = storedEvents(dataDir).map(({ sequence }) => sequence);
      assert.deepEqual(
        sequences.toSorted((a, b) => a - b),
        sequences.map((_, at) => at),
      );
    });
  });

  describe("train, test, deploy", () => {
    it("trains a LoRA adapter from the history and the feedback", async function () {
      this.timeout(TRAINING_MS + STEP_MS);
      const body = { strategy: "lora", workspaces: [folder], overrides: TRAINING };
      runId = trainingRun.parse(await request("POST", "/v1/training/runs", body)).id;
      const run = await until("the end of the run", TRAINING_MS, async () => {
        const now = trainingRun.parse(await request("GET", `/v1/training/runs/${runId}`));
        return ["succeeded", "failed", "cancelled"].includes(now.state) ? now : null;
      });
      assert.equal(run.state, "succeeded", JSON.stringify(run.error));
      assert.ok(run.trainLoss && run.trainLoss.last < run.trainLoss.first * 0.7, JSON.stringify(run.trainLoss));
    });

    it("has the dataset, with rows of history and of feedback, split by time", () => {
      const [row] = query<{ n_train: number; n_validation: number; n_test: number; sources: string; sha256: string }>(
        dataDir,
        "SELECT d.* FROM datasets d JOIN runs r ON r.dataset_id = d.id WHERE r.id = ?",
        runId,
      );
      assert.ok(row);
      assert.match(row.sha256, /^[0-9a-f]{64}$/);
      assert.ok(row.n_train > 100 && row.n_validation > 0 && row.n_test > 0, JSON.stringify(row));
      const sources = JSON.parse(row.sources) as Record<string, number>;
      assert.ok((sources["history"] ?? 0) > 0, row.sources);
      assert.ok((sources["feedback"] ?? 0) > 0, row.sources);
    });

    it("has the loss curve, step by step", () => {
      const points = query<{ step: number }>(
        dataDir,
        "SELECT step FROM run_points WHERE run_id = ? ORDER BY step",
        runId,
      );
      assert.ok(points.length >= 10);
      assert.equal(points.at(-1)?.step, TRAINING.steps);
    });

    it("was evaluated against the base model on later code, and won", () => {
      const [row] = query<{ report: string }>(dataDir, "SELECT report FROM evaluations WHERE run_id = ?", runId);
      assert.ok(row);
      const report = JSON.parse(row.report) as EvaluationReport;
      assert.ok(report.cases >= 20);
      assert.equal(report.verdict, "promote", report.reason);
      assert.ok(report.primary.low > 0);
      for (const guard of report.guards) assert.ok(guard.holds, `${guard.name}: ${guard.detail}`);
    });

    it("became champion", () => {
      const [alias] = query<{ version_id: string }>(dataDir, "SELECT version_id FROM aliases WHERE alias = 'champion'");
      const [run] = query<{ version_id: string }>(dataDir, "SELECT version_id FROM runs WHERE id = ?", runId);
      assert.ok(alias?.version_id);
      assert.equal(alias.version_id, run?.version_id);
      champion = alias.version_id;
    });

    it("was swapped in by the editor, without a restart", async () => {
      await until("the adapter in the status item", STEP_MS, async () =>
        (await editor.statusText()).includes(`adapter ${champion}`),
      );
    });
  });

  describe("suggest again", () => {
    let improved: EventOf<"shown">;

    it("suggests with the adapter", async () => {
      const next = entitySource(NEXT_ENTITY);
      const start = next.source.slice(0, next.source.indexOf("  const gate"));
      writeFileSync(path.join(folder, "src/entities/next.ts"), `${start}\n}\n`);
      await editor.openFile("next.ts");
      const line = start.split("\n").length;
      await editor.goToLine(line);
      improved = await shownAs(await typeUntilGhost(["  const ", "gate = ", "ledger."]), line);
      assert.equal(improved.context.path, "src/entities/next.ts");
      assert.equal(improved.model.adapter, champion);
      await saveScreenshot(editor, "suggestion-after.png");
    });

    it("answers why with the adapter, its dataset and its run", async () => {
      const answer = whySchema.parse(await request("GET", `/v1/suggestions/${improved.suggestionId}/why`));
      assert.equal(answer.suggestion.model.adapter, champion);
      assert.equal(answer.adapter?.version, champion);
      assert.equal(answer.adapter?.run, runId);
      assert.ok(answer.events.some(({ kind }) => kind === "shown"));
    });

    it("shows why in the editor", async () => {
      await editor.press("Tab");
      await stored("accepted", improved.suggestionId);
      await editor.command("Kept: Why This Suggestion?");
      await editor.page.locator(".tab", { hasText: "Why this suggestion" }).waitFor();
      await editor.page.locator(".view-line", { hasText: champion }).first().waitFor();
    });
  });
});

/** The server's own lock, held by this process; null while another has it. */
function holdInstanceLock(dataDir: string): Database.Database | null {
  const db = new Database(path.join(dataDir, "server.lock"), { timeout: 0 });
  try {
    db.pragma("locking_mode = EXCLUSIVE");
    db.exec("BEGIN EXCLUSIVE");
    return db;
  } catch {
    db.close();
    return null;
  }
}

/** The ghost is drawn with other white space than the text has. */
const withoutSpace = (text: string): string => text.replace(/\s/g, "");

/** Only where KEPT_SCREENSHOTS names a folder: the README's pictures are made by the test that proves them. */
async function saveScreenshot(editor: EditorPage, name: string): Promise<void> {
  const dir = process.env["KEPT_SCREENSHOTS"];
  if (!dir) return;
  mkdirSync(dir, { recursive: true });
  await editor.page.screenshot({ path: path.join(dir, name) });
}
