import { systemClock } from "../../extension/observe/clock.ts";
import { journalFile } from "../../extension/observe/journal-file.ts";
import { RETENTION_SCHEDULE_MS, watchRetention } from "../../extension/observe/retention-watch.ts";
import { createSuggestionJournal } from "../../extension/observe/suggestion-journal.ts";
import { SuggestionRecords } from "../../extension/suggest/suggestion-record.ts";
import { openOutbox } from "../../extension/sync/outbox.ts";
import { createRecordedLog } from "../../extension/ui/recorded-log.ts";
import type { KeptEvent } from "../../protocol/events.ts";
import { createRepository } from "../integration/tracker/repository.ts";
import { feedWithoutEditor } from "../support/survival/feed-without-editor.ts";
import { heapMb } from "./harness/heap.ts";
import type { Bench } from "./harness/report.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { v7 as uuidv7 } from "uuid";

const options = { suggestions: { type: "string", default: "10000" } } as const;
/** Suggestions of which the disk gets no turn: a person makes them in minutes. */
const A_BURST = 50;
const MODEL = { base: "b".repeat(64), adapter: null };
/** As much code around the cursor as an event holds. */
const CODE_AROUND = "export function stepAnywhere(a: Point, b: Point): Point {\n".repeat(100);

/**
 * `npm run bench -- capture-memory [--suggestions 10000]`: what the parts of a window that remember suggestions
 * grow by, each third suggestion accepted and followed in the buffer and in git, without an editor around them.
 * Heap and buffers in use after collections. `capture` measures the whole in a real editor.
 */
export const bench: Bench = {
  about: "memory of what a window remembers of suggestions: records, journal, outbox, retention and tracker",
  async run({ args, say }) {
    const { values } = parseArgs({ args: [...args], options, allowPositionals: true });
    const wanted = Number(values.suggestions);
    const storage = mkdtempSync(path.join(tmpdir(), "kept-memory-"));
    await using repository = await createRepository();
    await repository.commit("start", { "readme.txt": "start\n" });
    const window = openParts(storage, repository.root, say);
    window.suggest(0);
    await window.settled();
    const before = heapMb();
    let halfway = before;
    for (let n = 1; n <= wanted; n += 1) {
      window.suggest(n);
      if (n % A_BURST === 0) await window.flushed();
      if (n === Math.floor(wanted / 2)) {
        await window.settled();
        halfway = heapMb();
      }
    }
    await window.settled();
    const after = heapMb();
    await window.close();
    rmSync(storage, { recursive: true, force: true });
    const metrics = {
      suggestions: wanted,
      "heap grown (MB)": after - before,
      "heap grown in the second half (MB)": after - halfway,
    };
    return {
      metrics,
      bars: [{ name: "heap grown (MB)", value: metrics["heap grown (MB)"], target: 60, want: "at-most" }],
    };
  },
};

function openParts(storage: string, root: string, log: (message: string) => void) {
  const outbox = openOutbox(path.join(storage, "outbox"), uuidv7());
  const records = new SuggestionRecords();
  const journal = createSuggestionJournal({ file: journalFile(path.join(storage, "journal")), log });
  const recorded = createRecordedLog();
  const survival = feedWithoutEditor(path.join(storage, "survival"), root, log);
  const texts = { open: () => CODE_AROUND, openFiles: () => [], read: async () => ({ ok: true, text: "" }) as const };
  const retention = watchRetention(RETENTION_SCHEDULE_MS, texts, systemClock, {
    onCheck: () => {},
    onFact: () => {},
    onPending: () => {},
  });
  const document = `file://${root}/src/many.ts`;
  return {
    suggest(n: number) {
      const id = uuidv7();
      const text = `return { x: a.x - b.x * ${n}, y: a.y - b.y * ${n} };\n}\nexport function step${n}(a: Point): Point {`;
      const place = { root, path: "src/many.ts", language: "typescript", line: n, column: 2 };
      const context = { ...place, prefix: `// ${n}\n${CODE_AROUND}`, suffix: "}\n", examples: [] };
      const known = { id, document, root, isFile: true, context, completion: text, model: MODEL };
      records.add({ ...known, latencyMs: 1, engineMs: 1, createdAt: n });
      const isAccepted = n % 3 === 0;
      const shown = { kind: "shown", context, completion: text, model: MODEL, latencyMs: 1, source: "editor" };
      for (const fields of [shown, { kind: isAccepted ? "accepted" : "rejected", visibleMs: 1 }]) {
        const envelope = { id: uuidv7(), v: 1, suggestionId: id, sequence: n, wallMs: Date.now(), monotonicMs: n };
        const event = { ...envelope, sessionId: id, ...fields } as KeptEvent;
        outbox.append(event);
        journal.see(event);
        recorded.add(event);
      }
      if (!isAccepted) return;
      const code = { suggestionId: id, document, region: { start: 0, end: text.length }, text };
      survival.follow({ ...code, root, path: "src/many.ts" });
      retention.follow({ ...code, before: "", after: "", acceptedAt: performance.now() });
    },
    async flushed() {
      await outbox.flush();
      await setImmediate();
    },
    /** Everything is where it will stay: forgetting nothing waits for what the tracker has to do. */
    async settled() {
      await outbox.flush();
      await survival.forget(() => false);
    },
    async close() {
      retention[Symbol.dispose]();
      await survival.close();
      await journal.close();
      await outbox.close();
    },
  };
}
