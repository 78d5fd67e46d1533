import type { Fact } from "../core/lifecycle/observation.ts";
import { followInThread } from "../tracker/thread/follow-in-thread.ts";
import { CONTEXT_KEYS } from "./contributions.ts";
import type { Ctx } from "./ctx.ts";
import { openJournalFeed } from "./ui/journal-feed.ts";
import { observeSuggestions } from "./observe/suggestion-observer.ts";
import { forgetHere } from "./forgetting.ts";
import { followReported } from "./observe/reported-generation.ts";
import { openPrivacy } from "./privacy.ts";
import { readSettings } from "./settings.ts";
import { openEngine } from "./suggest/open-engine.ts";
import { createHoldBack } from "./suggest/hold-back.ts";
import { openExampleMemory } from "./suggest/example-memory.ts";
import { createExampleSource } from "./suggest/example-source.ts";
import { watchOpenFiles } from "./suggest/open-files.ts";
import { createRejectedPlaces } from "./suggest/rejected-places.ts";
import { createSuggestionCache } from "./suggest/suggestion-cache.ts";
import { shownFields, SuggestionRecords } from "./suggest/suggestion-record.ts";
import { openBufferFeed } from "./survive/buffer-feed.ts";
import { aroundRegion, editorFiles } from "./survive/editor-documents.ts";
import { openTrackerFeed } from "./survive/tracker-feed.ts";
import { createDeploymentSync } from "./sync/deployment-sync.ts";
import { openForgetQueue } from "./sync/forget-queue.ts";
import { openOutbox } from "./sync/outbox.ts";
import { serverDataDir } from "./sync/server-discovery.ts";
import { openServerLink } from "./sync/server-link.ts";
import { rootInUse, workspaceFolders } from "./ui/consent.ts";
import { createRecordedPage } from "./ui/recorded-document.ts";
import { createRecordedLog } from "./ui/recorded-log.ts";
import { createStatusItem, type StatusView } from "./ui/status-item.ts";
import { createSuggestionsView } from "./ui/suggestions-view.ts";
import { todayOf } from "./ui/suggestion-groups.ts";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";
import * as vscode from "vscode";

const STATUS_PERIOD_MS = 2_000;

/** Builds everything that one window owns and joins it; `close` ends it and syncs the outbox. */
export async function openWindow(extension: vscode.ExtensionContext): Promise<{ ctx: Ctx; close(): Promise<void> }> {
  const log = vscode.window.createOutputChannel("Kept", { log: true });
  const say = (message: string) => log.info(message);
  const env = process.env;
  let settings = readSettings();
  const records = new SuggestionRecords();
  const cache = createSuggestionCache();
  const rejected = createRejectedPlaces();
  const memory = openExampleMemory(
    path.join(extension.globalStorageUri.fsPath, "examples.json"),
    (root) => consent.levelOf(root) === "code",
  );
  const examples = createExampleSource(async (rows) => {
    const allowed = await Promise.all(rows.map(async (row) => (await rules.known(row.root, row.path)) === null));
    await engine.useExamples(rows.filter((_, i) => allowed[i]));
  }, memory);
  const changed = { visible: new vscode.EventEmitter<void>(), state: new vscode.EventEmitter<void>() };
  const status = createStatusItem();
  const storage = extension.globalStorageUri.fsPath;
  const outbox = openOutbox(path.join(storage, "outbox"), uuidv7());
  const feed = openJournalFeed({
    dir: path.join(storage, "journal"),
    connection: () => link.connection,
    hidden: () => privacy.hidden,
    log: say,
  });
  const { journal, places } = feed;
  const recorded = createRecordedLog();
  const privacy = openPrivacy({
    extension,
    env,
    records,
    outbox: {
      append(event) {
        const isTaken = outbox.append(event);
        if (isTaken) feed.recorded(event);
        if (isTaken) recorded.add(event);
        return isTaken;
      },
    },
    settings: () => settings,
    isForgotten: (suggestion) => forgets.isForgotten(suggestion),
    log: say,
  });
  const { consent, rules, recorder } = privacy;
  const forgets = openForgetQueue({
    dir: path.join(storage, "forget"),
    connection: () => link.connection,
    hidden: privacy.hidden,
    hold: () => outbox.hold(),
    apply: (forgotten) =>
      forgetHere(forgotten, {
        outbox,
        records,
        cache,
        journal,
        examples,
        recorded,
        buffer,
        survival,
        settled: () => recorder.settled(),
        unfollow(id) {
          places.remove(id);
          if (lastAccepted === id) lastAccepted = null;
        },
      }),
    log: say,
  });

  const cursorIn = (name: string) => {
    const editor = vscode.window.activeTextEditor;
    return editor?.document.uri.toString() === name ? editor.document.offsetAt(editor.selection.active) : 0;
  };
  const buffer = openBufferFeed({
    dir: path.join(storage, "retention"),
    env,
    recorder,
    levelOf: (folder) => consent.levelOf(folder),
    roots: workspaceFolders,
    log: say,
  });
  const survival = openTrackerFeed({
    dir: path.join(storage, "survival"),
    following: () => followInThread({ entry: path.join(extension.extensionPath, "dist", "tracker.cjs"), log: say }),
    levelOf: (folder) => consent.levelOf(folder),
    roots: workspaceFolders,
    record: (id, fields, place) => recorder.record("survived", id, fields, place),
    around: aroundRegion,
    savedBuffer: (document) => buffer.retention.saved(document),
    ...editorFiles,
    log: say,
  });

  const rememberRejection = (name: string, completion: string) => {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.uri.toString() === name) rejected.add(editor.document, editor.selection.active, completion);
  };

  let lastAccepted: string | null = null;
  const counts = { leftAlone: 0, accepted: 0 };
  const onFact = (fact: Fact) => {
    const id = fact.suggestionId;
    const known = records.get(id);
    if (!known) return;
    switch (fact.kind) {
      case "shown":
        records.markShown(id);
        return recorder.record("shown", id, shownFields(known));
      case "read":
      case "ignored":
        return recorder.record(fact.kind, id, { visibleMs: fact.visibleMs });
      case "rejected":
      case "typed-over":
        cache.remove(id);
        if (fact.kind === "rejected") rememberRejection(fact.document, known.completion);
        buffer.refused({
          suggestionId: id,
          document: fact.document,
          start: fact.start,
          cursor: cursorIn(fact.document),
          suggested: known.completion,
        });
        return recorder.record(fact.kind, id, { visibleMs: fact.visibleMs });
      case "accepted":
      case "partially-accepted": {
        if (fact.kind === "accepted") {
          counts.accepted += 1;
          cache.remove(id);
          recorder.record("accepted", id, { visibleMs: fact.visibleMs });
        } else {
          const { characters, words, lines, fraction } = fact;
          recorder.record("partially-accepted", id, { characters, words, lines, fraction });
        }
        lastAccepted = id;
        buffer.accepted({
          suggestionId: id,
          document: fact.document,
          region: fact.region,
          text: fact.text,
          root: known.root,
          path: known.context.path,
        });
        if (known.isFile) survival.follow({ ...fact, root: known.root, path: known.context.path });
        return places.follow(id, fact.document, fact.region);
      }
      case "typed-through":
        return recorder.record("typed-through", id, { fraction: fact.fraction });
      case "superseded":
        return recorder.record("superseded", id, {});
      case "undone":
      case "redone":
        if (fact.kind === "redone") places.restore(id);
        survival.undone(id, fact.kind === "undone");
        return recorder.record(fact.kind, id, { afterMs: fact.afterMs });
      case "ended":
        return;
    }
  };

  const observer = observeSuggestions({
    onFact,
    visible: {
      onUp: (isUp) => setContext(CONTEXT_KEYS.suggestionVisible, isUp),
      onChange: () => changed.visible.fire(),
    },
    onChange(document, changes, reason) {
      buffer.changed(document, changes, reason);
      places.changed(document, changes);
    },
    onCursor: (document, offset) => buffer.cursor(document, offset),
    log: say,
  });

  const root = extension.extensionPath;
  const engine = openEngine({ extension, env, settings, onState: () => refresh(), log: say });

  const holdBack = createHoldBack();
  const deployments = createDeploymentSync({
    dir: path.join(storage, "adapters"),
    memento: extension.globalState,
    engine,
    holdBack,
    examples,
    roots: workspaceFolders,
    log: say,
  });
  examples
    .restore(workspaceFolders())
    .catch((error: Error) => say(`The last examples were not read: ${error.message}`));
  let training: StatusView["training"] = null;
  const link = openServerLink({
    dataDir: settings.dataDirectory || serverDataDir(env),
    serverEntry: settings.autoStart ? path.join(root, "dist", "server.cjs") : null,
    env,
    outbox,
    handlers: {
      deployment: (deployment) => deployments.apply(deployment),
      examples: () => deployments.refreshExamples(),
      progress: ({ step, totalSteps }) => {
        training = { step, totalSteps };
        refresh();
      },
      run: ({ state }) => {
        if (state !== "queued" && state !== "running") training = null;
        refresh();
      },
    },
    async onConnected(connection, signal) {
      feed.join(connection, signal);
      void forgets.tend();
      await deployments.join(connection, signal);
    },
    onState(state) {
      setContext(CONTEXT_KEYS.serverState, state);
      refresh();
    },
    log: say,
  });

  const statusView = (): StatusView => {
    const { waiting, dropped, problem } = outbox.stats();
    const folder = rootInUse();
    return {
      engine: engine.state,
      server: link.state,
      capture: !vscode.workspace.isTrusted ? "untrusted" : consent.isPaused ? "paused" : consent.levelOf(folder),
      pauseMs: consent.pause.remainingMs,
      training,
      adapter: engine.adapter,
      today: todayOf(journal.entries(), new Date().toDateString()),
      waiting,
      forgetting: forgets.waiting,
      problem: problem
        ? vscode.l10n.t("events cannot be written ({0})", problem)
        : dropped > 0
          ? vscode.l10n.t("{0} events dropped: the queue is full", dropped)
          : link.problem === "other-protocol"
            ? vscode.l10n.t("the running server is of another version: update Kept, or stop that server")
            : null,
    };
  };
  // The link and the engine report while they are being built: the first drawing comes after.
  let isReady = false;
  let lastState = "";
  const refresh = () => {
    if (!isReady) return;
    const now = statusView();
    status.show(now);
    const state = `${now.engine} ${now.server} ${now.capture}`;
    if (state === lastState) return;
    lastState = state;
    changed.state.fire();
  };
  const captureChanged = () => {
    buffer.consentChanged();
    setContext(CONTEXT_KEYS.captureEnabled, consent.allows(rootInUse()));
    setContext(CONTEXT_KEYS.capturePaused, consent.isPaused);
    refresh();
  };
  const heartbeat = setInterval(() => {
    refresh();
    void forgets.tend();
  }, STATUS_PERIOD_MS);

  const subscriptions = [
    consent.onDidChange(() => {
      captureChanged();
      memory.prune().catch((error: Error) => say(`The last examples were not removed: ${error.message}`));
    }),
    vscode.window.onDidChangeActiveTextEditor(captureChanged),
    vscode.workspace.onDidChangeConfiguration((event) => {
      if (!event.affectsConfiguration("kept")) return;
      settings = readSettings();
      captureChanged();
    }),
    watchOpenFiles({ rules, use: (files) => engine.useNeighbours(files), log: say }),
  ];

  const ctx: Ctx = {
    extension,
    log,
    settings: () => settings,
    consent,
    rules,
    hidden: privacy.hidden,
    records,
    cache,
    rejected,
    examples,
    engine,
    holdBack,
    outbox,
    recorder,
    recorded,
    forgets,
    observer,
    retention: buffer.retention,
    journal,
    places,
    get view() {
      return suggestions;
    },
    get recordedPage() {
      return recordedPage;
    },
    signals: {
      onDidChangeVisible: changed.visible.event,
      onDidChangePlaces: feed.onDidChangePlaces,
      onDidChangeState: changed.state.event,
    },
    refreshSuggestions: () => feed.refresh(),
    link,
    status,
    counts,
    takeReported: (piece) => followReported(piece, { records, recorder, buffer, survival, places }),
    lastAccepted: () => lastAccepted,
    serverDataDir: () => settings.dataDirectory || serverDataDir(env),
    statusLine: () => status.summary,
  };
  const suggestions = createSuggestionsView(ctx);
  const recordedPage = createRecordedPage(ctx);
  isReady = true;
  setContext(CONTEXT_KEYS.active, true);
  captureChanged();

  return {
    ctx,
    async close() {
      clearInterval(heartbeat);
      for (const subscription of subscriptions) subscription.dispose();
      observer.dispose();
      await buffer.close();
      await survival.close();
      await recorder.settled();
      link[Symbol.dispose]();
      engine[Symbol.dispose]();
      await feed.close();
      await outbox.close();
      for (const key of Object.values(CONTEXT_KEYS)) setContext(key, undefined);
      for (const part of [privacy, suggestions, recordedPage, status, ...Object.values(changed), log]) part.dispose();
    },
  };
}

function setContext(key: string, value: unknown): void {
  void vscode.commands.executeCommand("setContext", key, value);
}
