import { OUTBOX_LIMITS } from "../../extension/sync/outbox.ts";
import { leaveEvents } from "../support/vscode/left-events.ts";
import { tellHostTests } from "../support/vscode/host-tests.ts";
import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Room for the first events of the window that opens. */
const ROOM = 12;

await tellHostTests("a full outbox", {
  entry: "test/extension/in-host/full-outbox-run.ts",
  environment: { KEPT_CONSENT: "allow" },
  // Settings of its own: the editor whose storage is known beforehand.
  settings: {},
  workspace(runDir) {
    leaveEvents(path.join(runDir, "ud/User/globalStorage/kept.kept/outbox"), OUTBOX_LIMITS.maxEvents - ROOM);
    const folder = path.join(runDir, "workspace");
    mkdirSync(path.join(folder, "src"), { recursive: true });
    writeFileSync(path.join(folder, "src/start.ts"), "export const start = 1;\n");
    return folder;
  },
});
