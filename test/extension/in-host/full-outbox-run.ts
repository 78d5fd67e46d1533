import { MAX_EVENTS_PER_BATCH, PROTOCOL_VERSION } from "../../../protocol/api.ts";
import { OUTBOX_LIMITS } from "../../../extension/sync/outbox.ts";
import { DRAIN_EVENTS_PER_SECOND } from "../../../extension/sync/event-drain.ts";
import { startProvingServer } from "../../support/server/proving-server.ts";
import { diagnostics, keptExtension, openFile, suggest, until } from "./editor.ts";
import { runMocha } from "./mocha-run.ts";
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import * as vscode from "vscode";

/** The longest test drains twenty thousand events at their pace. */
export const run = (): Promise<void> => runMocha(describeFullOutbox, 120_000);

const CODE = "export function addPoint(a: Point, b: Point): Point {\n  return { x: a.x + b.x, y: a.y + b.y };\n}\n\n";
const TOKEN = "token-of-a-server-that-was-away";
/** A timer may ring a moment before its time, milliseconds. */
const TIMER_MS = 5;

function describeFullOutbox(): void {
  describe("F16", () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown) => {
      if (/dist[/\\]extension\.cjs/.test(String((reason as Error)?.stack))) unhandled.push(reason);
    };
    let nAsked = 0;
    /** A suggestion, and its end: two events at least, if they are taken. */
    const askAndReject = async () => {
      await openFile(
        `src/asked-${nAsked++}.ts`,
        `${CODE}export function subtractPoint(a: Point, b: Point): Point {\n  |\n}\n`,
      );
      await suggest();
      await vscode.commands.executeCommand("kept.rejectSuggestion");
    };

    before(async () => {
      process.on("unhandledRejection", onUnhandled);
      await keptExtension().activate();
      await until("the engine", () => diagnostics().engine === "ready");
    });
    after(() => {
      process.off("unhandledRejection", onUnhandled);
      assert.deepEqual(unhandled, []);
    });

    it("a window takes over what others left, up to the outbox's cap", async () => {
      await until("the events of the window that ended", () => diagnostics().waiting > OUTBOX_LIMITS.maxEvents - 100);
      assert.equal(diagnostics().dropped, 0);
    });

    it("at 20,000 events the newest are dropped and counted, and the status item warns", async () => {
      await until("a dropped event", async () => {
        await askAndReject();
        return diagnostics().dropped > 0;
      });
      assert.equal(diagnostics().waiting, OUTBOX_LIMITS.maxEvents);
      await until("the warning", () => diagnostics().statusText.includes("warning"));
      await vscode.commands.executeCommand("kept.copyDiagnostics");
      assert.match(await vscode.env.clipboard.readText(), /dropped/i);
    });

    it("edits and suggestions go on as before", async () => {
      const { dropped } = diagnostics();
      const editor = await openFile("src/typed.ts", CODE);
      const typed = "const total = first + second;\n";
      for (const key of typed) await vscode.commands.executeCommand("type", { text: key });
      assert.equal(editor.document.getText(), CODE + typed);
      await askAndReject();
      await until("more that is counted", () => diagnostics().dropped > dropped);
      assert.equal(diagnostics().waiting, OUTBOX_LIMITS.maxEvents);
      assert.equal(diagnostics().engineStarts, 1);
    });

    it("a server comes: all of it is sent once, oldest first, at a pace, and new events are taken again", async () => {
      const { dropped } = diagnostics();
      const batches: { at: number; ids: string[] }[] = [];
      await using server = await startProvingServer(
        (request, response, body) => {
          if (request.url === "/v1/stream") {
            response.writeHead(200, { "content-type": "text/event-stream" }).write(": kept\n\n");
          } else if (request.url === "/v1/events") {
            const { events } = JSON.parse(body) as { events: { id: string }[] };
            batches.push({ at: performance.now(), ids: events.map(({ id }) => id) });
            response.end(JSON.stringify({ results: events.map(({ id }) => ({ id, status: "accepted" })) }));
          } else response.writeHead(404).end("{}");
        },
        { token: TOKEN },
      );
      const dataDir = process.env["KEPT_DATA_DIR"]!;
      mkdirSync(dataDir, { recursive: true });
      writeFileSync(
        path.join(dataDir, "server.json"),
        JSON.stringify({
          pid: 1,
          port: server.port,
          token: TOKEN,
          version: "0.1.0",
          protocol: PROTOCOL_VERSION,
          startedAt: "2026-01-01T00:00:00Z",
        }),
        { mode: 0o600 },
      );
      await until("an empty outbox", () => diagnostics().waiting === 0, 100_000);
      const ids = batches.flatMap((batch) => batch.ids);
      assert.equal(ids.length, OUTBOX_LIMITS.maxEvents);
      assert.equal(new Set(ids).size, ids.length);
      for (const [i, batch] of batches.entries()) {
        assert.ok(batch.ids.length <= MAX_EVENTS_PER_BATCH);
        const next = batches[i + 1];
        const least = (batch.ids.length / DRAIN_EVENTS_PER_SECOND) * 1_000 - TIMER_MS;
        if (next) assert.ok(next.at - batch.at >= least, `${next.at - batch.at} ms after ${batch.ids.length} events`);
      }
      const { sent } = diagnostics();
      await askAndReject();
      await until("a new event at the server", () => diagnostics().sent > sent && diagnostics().waiting === 0);
      // What was dropped stays said.
      assert.equal(diagnostics().dropped, dropped);
      assert.ok(diagnostics().statusText.includes("warning"));
    });
  });
}
