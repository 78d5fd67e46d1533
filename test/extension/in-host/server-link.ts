import { diagnostics, keptExtension, numbersCode, openFile, storedEvents, suggest, until } from "./editor.ts";
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import path from "node:path";
import * as vscode from "vscode";

export function describeServerLink(): void {
  describe("server link", () => {
    let server: ChildProcess | null = null;
    const startServer = () => {
      const entry = path.join(keptExtension().extensionPath, "dist/server.cjs");
      server = spawn(process.execPath, [entry], {
        env: { ...process.env, ELECTRON_RUN_AS_NODE: "1" },
        stdio: "ignore",
      });
      return server;
    };
    const stopServer = async (signal: NodeJS.Signals) => {
      const ended = new Promise((resolve) => server?.once("exit", resolve));
      server?.kill(signal);
      await ended;
      server = null;
    };
    after(async () => {
      if (server) await stopServer("SIGKILL");
    });

    it("keeps events in the outbox while no server runs", async () => {
      const { waiting, recorded, dropped } = diagnostics();
      assert.ok(recorded > 0);
      assert.equal(waiting, recorded);
      assert.equal(dropped, 0);
      // The file is written a moment after the event.
      await until("all of them on disk", () => storedEvents().length === diagnostics().recorded);
    });

    it("sends all of them once a server is there, and empties the outbox", async () => {
      const { recorded } = diagnostics();
      startServer();
      await until("the connection", () => diagnostics().server === "connected");
      await until("an empty outbox", () => diagnostics().waiting === 0);
      assert.ok(diagnostics().sent >= recorded);
      await until("empty files", () => storedEvents().length === 0);
      await until("the status item", () => diagnostics().statusText.includes("record"));
    });

    it("goes on suggesting when the server is killed, and events wait", async () => {
      await stopServer("SIGKILL");
      await until("offline", () => diagnostics().server !== "connected");
      await openFile("src/offline.ts", numbersCode("subtractNumbers"));
      await suggest();
      await vscode.commands.executeCommand("editor.action.inlineSuggest.commit");
      await until("waiting events", () => diagnostics().waiting > 0);
    });

    it("delivers them when the server is back", async () => {
      startServer();
      await until("the connection", () => diagnostics().server === "connected");
      await until("an empty outbox", () => diagnostics().waiting === 0);
      await stopServer("SIGTERM");
    });
  });
}
