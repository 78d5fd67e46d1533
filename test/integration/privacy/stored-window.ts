import { forgetHere } from "../../../extension/forgetting.ts";
import { systemClock } from "../../../extension/observe/clock.ts";
import { journalFile } from "../../../extension/observe/journal-file.ts";
import { createSuggestionJournal } from "../../../extension/observe/suggestion-journal.ts";
import { openExampleMemory } from "../../../extension/suggest/example-memory.ts";
import { createExampleSource } from "../../../extension/suggest/example-source.ts";
import { createSuggestionCache } from "../../../extension/suggest/suggestion-cache.ts";
import { SuggestionRecords } from "../../../extension/suggest/suggestion-record.ts";
import { adoptPendingChecks, openPendingChecks, type StoredCheck } from "../../../extension/survive/pending-checks.ts";
import { resumeChecks } from "../../../extension/survive/resumed-checks.ts";
import { readDocument } from "../../../extension/survive/text-source.ts";
import { openForgetQueue } from "../../../extension/sync/forget-queue.ts";
import type { ForgetWish } from "../../../extension/sync/forget-request.ts";
import { openOutbox } from "../../../extension/sync/outbox.ts";
import { createRecordedLog } from "../../../extension/ui/recorded-log.ts";
import type { KeptEvent } from "../../../protocol/events.ts";
import { feedWithoutEditor } from "../../support/survival/feed-without-editor.ts";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { v7 as uuidv7 } from "uuid";

/** A window on one folder without an editor: everything that it writes, with the files of the extension. */
export interface StoredWindow {
  accept(code: { id: string; file: string; text: string; prefix?: string }): Promise<void>;
  forget(wish: ForgetWish): Promise<void>;
  /** Hears what other windows were asked to forget. */
  hear(): Promise<void>;
  /** Leaves its files to the next window. */
  close(): Promise<void>;
}

const CHECK_AT_MS = [600_000];
const hidden = (place: string) => `hidden-${Buffer.from(place).toString("hex")}`;

export async function openStoredWindow(storage: string, root: string): Promise<StoredWindow> {
  const log = (message: string) => {
    throw new Error(message);
  };
  const outbox = openOutbox(path.join(storage, "outbox"), uuidv7(), { isAlive: () => false });
  await outbox.recovered;
  const records = new SuggestionRecords();
  const journal = createSuggestionJournal({ file: journalFile(path.join(storage, "journal")), log });
  await journal.reload();
  const recorded = createRecordedLog();
  const memory = openExampleMemory(path.join(storage, "examples.json"), () => true);
  const examples = createExampleSource(async () => {}, memory);
  await examples.restore([root]);
  const survival = feedWithoutEditor(path.join(storage, "survival"), root, log);
  const dir = path.join(storage, "retention");
  const followed: StoredCheck[] = [];
  const texts = { open: () => null, openFiles: () => [], read: readDocument };
  const resumed = resumeChecks(CHECK_AT_MS, texts, systemClock, { onCheck: () => {}, onPending: () => pending.save() });
  const pending = openPendingChecks(dir, uuidv7(), async () => [...resumed.pending(), ...followed], log);
  resumed.resume(
    await adoptPendingChecks(
      dir,
      (one) => one === root,
      Date.now(),
      () => false,
    ),
  );

  const forgets = openForgetQueue({
    dir: path.join(storage, "forget"),
    connection: () => null,
    hidden,
    hold: () => outbox.hold(),
    apply: (forgotten) =>
      forgetHere(forgotten, {
        outbox,
        records,
        cache: createSuggestionCache(),
        journal,
        examples,
        recorded,
        survival,
        buffer: {
          async forget(ids, isForgotten) {
            const isGone = ({ suggestionId: id, root: of, path: file }: StoredCheck) =>
              ids.has(id) || isForgotten({ id, root: of, path: file });
            for (const { suggestionId } of resumed.pending().filter(isGone)) resumed.forget(suggestionId);
            followed.splice(0, followed.length, ...followed.filter((check) => !isGone(check)));
            await pending.forget(isGone);
          },
        },
        settled: async () => {},
        unfollow: () => {},
      }),
    log,
  });

  let sequence = 0;
  const tell = (fields: object, id: string, file: string) => {
    const origin = { folder: hidden(root), file: hidden(`${root}\n${file}`) };
    const event = { id: uuidv7(), v: 1, suggestionId: id, wallMs: Date.now(), sequence: (sequence += 1), origin };
    const told = { ...event, ...fields } as unknown as KeptEvent;
    outbox.append(told);
    journal.see(told);
    recorded.add(told);
  };

  return {
    async accept({ id, file, text, prefix = "" }) {
      const model = { base: "b".repeat(64), adapter: null };
      const context = {
        root,
        path: file,
        line: 1,
        column: 0,
        language: "typescript",
        prefix,
        suffix: "",
        examples: [],
      };
      const document = pathToFileURL(path.join(root, file)).href;
      const known = { id, document, root, isFile: true, context, completion: text, model } as const;
      records.add({ ...known, latencyMs: 1, engineMs: 1, createdAt: 1 });
      tell({ kind: "shown", context, completion: text, model, latencyMs: 1, source: "editor" }, id, file);
      tell({ kind: "accepted", visibleMs: 1 }, id, file);
      survival.follow({
        suggestionId: id,
        document,
        root,
        path: file,
        region: { start: 0, end: text.length },
        text,
      });
      const check = { suggestionId: id, document, root, path: file, acceptedWallMs: Date.now(), nextIdx: 0, text };
      followed.push(check);
      pending.save();
      const row = { root, path: file, language: "typescript", text: `// before\n${text}` };
      await memory.save([], []);
      const rows = [...(await memory.load([root])), { id: uuidv7(), suggestionId: id, ...row }];
      await memory.save([root], rows);
    },
    forget: (wish) => forgets.forget(wish),
    hear: () => forgets.tend(),
    async close() {
      await survival.close();
      await pending.close();
      resumed[Symbol.dispose]();
      await journal.close();
      await outbox.close();
    },
  };
}
