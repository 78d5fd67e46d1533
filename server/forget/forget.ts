import { mentions, needlesOf, scrubbedEvent, type ScrubRules } from "../../core/forget/scrub.ts";
import type { ForgetOperation, ForgetRequest, ForgetScope } from "../../protocol/api.ts";
import type { EvaluationSample } from "../../protocol/samples.ts";
import type { Clock } from "../clock.ts";
import type { Derived } from "../labels/derive.ts";
import type { Log } from "../log.ts";
import type { PushHub } from "../push/hub.ts";
import type { Place } from "../store/erasure.ts";
import type { Store } from "../store/store.ts";
import { removeSnapshot, snapshotsWith, type RowTest } from "./dataset-search.ts";
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/**
 * Forgetting: events, what is derived from them, copies in other events, examples, and the datasets that
 * hold them; versions trained on those are listed. A request is a row before anything is deleted, and every
 * step can be done again: a server that is killed in between finishes it when it starts.
 */
export interface Forgetting {
  /** Takes a request in and does it; the same id again answers with what was done. */
  forget(request: ForgetRequest): Promise<ForgetOperation>;
  /** Does what an earlier server left. */
  resume(): Promise<void>;
  /** Resolves when nothing is under way; nothing is tried later any more. */
  idle(): Promise<void>;
  /** True when a dataset was built from what was forgotten while it was being built: it is gone then. */
  withdrawIfForgotten(datasetId: string): Promise<boolean>;
}

export interface ForgettingParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly hub: PushHub;
  readonly log: Log;
  readonly datasetsDir: string;
  /** Copies of a git history's code that no row points to: they go as a whole. */
  readonly comparisonsDir: string;
  /** Resolves when what was stored so far has its rows and labels, or when that takes too long. */
  readonly derived: () => Promise<void>;
  readonly derive: (suggestionIds: Iterable<string>) => Derived;
  /** Ends the run that trains now or is next, and resolves when its process is gone. */
  readonly cancelActiveRuns: (isAffected: (datasetSha256: string | null) => boolean) => Promise<void>;
}

export function createForgetting(parts: ForgettingParts): Forgetting {
  const { store, hub, log } = parts;
  let working: Promise<unknown> = Promise.resolve();
  let later: NodeJS.Timeout | undefined;

  /** Deleted rows are overwritten in the file; what is left of them in the log goes when nobody reads it any more. */
  const emptyLog = async (): Promise<void> => {
    const deadline = performance.now() + TRUNCATE_MS;
    while (!store.truncateLog()) {
      if (performance.now() < deadline) await delay(TRY_MS);
      else {
        log.warn({ event: "log-held", seconds: TRUNCATE_MS / 1_000 });
        later ??= setInterval(() => {
          if (store.truncateLog()) stopTrying();
        }, LATE_TRY_MS).unref();
        return;
      }
    }
    stopTrying();
  };
  const stopTrying = (): void => {
    clearInterval(later);
    later = undefined;
  };

  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = working.then(work);
    working = turn.catch(() => {});
    return turn;
  };

  const perform = async (id: string): Promise<ForgetOperation> => {
    const asked = store.forget.scopeOf(id);
    if (asked !== null) {
      const gone = await erase(parts, id, asked.scope);
      await emptyLog();
      hub.publish("examples", { revision: store.examples.revision() });
      log.info({ event: "forgotten", operation: id, kind: asked.scope.kind, ...gone });
    }
    return store.forget.get(id)!;
  };

  return {
    forget: (request) => {
      // The tombstones stand before anything else is done: nothing comes in behind the deletion.
      store.forget.begin(request);
      return inTurn(() => perform(request.id));
    },
    resume: () =>
      inTurn(async () => {
        // The server before may have been killed with a log that somebody held.
        store.truncateLog();
        for (const id of store.forget.unfinished()) await perform(id);
      }),
    async idle() {
      await working;
      stopTrying();
    },
    withdrawIfForgotten: (datasetId) =>
      inTurn(async () => {
        const sha256 = store.datasets.get(datasetId)?.sha256;
        const isBuried: RowTest = ({ suggestionId }) => suggestionId !== null && store.forget.isBuried(suggestionId);
        if (!sha256 || !(await snapshotsWith(parts.datasetsDir, isBuried)).includes(sha256)) return false;
        await removeSnapshot(parts.datasetsDir, sha256);
        return true;
      }),
  };
}

/** Longest time that a request waits for readers of the log; then it is answered, and the log is emptied later, milliseconds. */
const TRUNCATE_MS = 10_000;
/** Between two tries, of a request that waits and afterwards, milliseconds. */
const TRY_MS = 25;
const LATE_TRY_MS = 1_000;

interface Counts {
  readonly suggestions: number;
  readonly events: number;
  readonly scrubbed: number;
}

async function erase(parts: ForgettingParts, operationId: string, scope: ForgetScope): Promise<Counts> {
  const { store, clock, datasetsDir } = parts;
  await parts.derived();
  const suggestionIds = store.erasure.suggestionsIn(scope);
  const forgotten = new Set(suggestionIds);
  const known = suggestionIds.map((id) => store.erasure.textsOf(id));
  const rules = scrubRules(scope, forgotten, known);
  const search = () =>
    snapshotsWith(datasetsDir, scope.kind === "everything" ? "all" : rowTest(scope, forgotten, rules));
  // A run that collects has the rows in memory already; one that trains on such a dataset must not go on.
  const affected = new Set(await search());
  await parts.cancelActiveRuns((sha256) => sha256 === null || affected.has(sha256));
  // Once more: the run may have written its dataset before it ended.
  const snapshots = [...new Set([...affected, ...(await search())])];

  const counts = store.transaction((): Counts => {
    store.forget.bury(suggestionIds, operationId);
    const single = store.erasure.eventsIn(scope).filter(({ suggestionId }) => !forgotten.has(suggestionId));
    store.forget.buryEvents(single.map(({ id }) => id));
    const copies = copiesOf(store, scope, known, rules, forgotten);
    for (const { sequence, event } of copies) store.erasure.replaceEvent(sequence, event);
    const nEvents =
      store.erasure.deleteSuggestions(suggestionIds) + store.erasure.deleteEvents(single.map(({ id }) => id));
    const touched = new Set([
      ...copies.map(({ event }) => event.suggestionId),
      ...single.map((event) => event.suggestionId),
    ]);
    parts.derive(touched);
    store.samples.deleteWhere(sampleTest(scope, forgotten, rules));
    if (scope.kind === "everything") {
      store.erasure.forgetFolders("all");
      store.settings.removeLearnt();
    }
    if (scope.kind === "folders") store.erasure.forgetFolders(scope.roots);
    for (const sha256 of snapshots) {
      const dataset = store.datasets.bySha256(sha256);
      if (dataset === null) continue;
      store.forget.invalidate(dataset.id, operationId, clock.wallMs());
      store.erasure.forgetManifest(dataset.id);
    }
    const done = { suggestions: suggestionIds.length, events: nEvents, scrubbed: copies.length };
    store.forget.count(operationId, done);
    return done;
  });
  for (const sha256 of [...snapshots, ...store.forget.invalidDatasets().map(({ sha256 }) => sha256)])
    await removeSnapshot(datasetsDir, sha256);
  // A suggestion or an hour was recorded; what is compared is read from commits alone.
  if (scope.kind === "everything" || scope.kind === "folders" || scope.kind === "files")
    await rm(parts.comparisonsDir, { recursive: true, force: true });
  store.removeCopies();
  store.forget.finish(operationId, clock.wallMs());
  return counts;
}

type Known = ReturnType<Store["erasure"]["textsOf"]>;
const nameOf = ({ root, path }: Place): string => `${root}\n${path}`;

function scrubRules(scope: ForgetScope, forgotten: ReadonlySet<string>, known: readonly Known[]): ScrubRules {
  // What lies in a forgotten file goes as a whole; elsewhere, what was copied from it.
  const texts = new Map<string, string[]>();
  for (const one of scope.kind === "suggestions" || scope.kind === "time" ? known : []) {
    if (one.place) texts.set(nameOf(one.place), [...(texts.get(nameOf(one.place)) ?? []), ...one.texts]);
  }
  const needles = new Map([...texts].map(([name, some]) => [name, needlesOf(some)]));
  const files = new Set(scope.kind === "files" ? scope.files.map(nameOf) : []);
  return {
    needlesAt: (root, path) => needles.get(nameOf({ root, path })) ?? [],
    isForgottenExcerpt: ({ path, suggestionId }, root) =>
      files.has(nameOf({ root, path })) || (suggestionId !== undefined && forgotten.has(suggestionId)),
  };
}

function rowTest(scope: ForgetScope, forgotten: ReadonlySet<string>, rules: ScrubRules): RowTest {
  const roots = new Set(scope.kind === "folders" ? scope.roots : []);
  return (row) => {
    if (row.suggestionId !== null && forgotten.has(row.suggestionId)) return true;
    if (roots.has(row.root) || rules.isForgottenExcerpt({ path: row.path }, row.root)) return true;
    if (row.examples.some(({ path }) => rules.isForgottenExcerpt({ path }, row.root))) return true;
    // History is what stands in the person's own commits, and not what was recorded of them.
    if (row.source === "history") return false;
    const needles = rules.needlesAt(row.root, row.path);
    return (
      [row.prefix, row.suffix, row.completion].some((text) => mentions(text, needles)) ||
      row.examples.some(({ path, text }) => mentions(text, rules.needlesAt(row.root, path)))
    );
  };
}

/** What a model wrote in a test may be what it remembered of another place: its texts count, whatever the row is. */
function sampleTest(
  scope: ForgetScope,
  forgotten: ReadonlySet<string>,
  rules: ScrubRules,
): (sample: EvaluationSample) => boolean {
  if (scope.kind === "everything") return () => true;
  const isForgotten = rowTest(scope, forgotten, rules);
  return ({ suggestionId, root, path, before, after, kept, champion, challenger }) =>
    [kept, champion.text, challenger.text].some((completion) =>
      isForgotten({
        suggestionId,
        source: "feedback",
        root,
        path,
        prefix: before,
        suffix: after,
        completion,
        examples: [],
      }),
    );
}

/** Events of other suggestions without what they have of the forgotten ones. */
function copiesOf(
  store: Store,
  scope: ForgetScope,
  known: readonly Known[],
  rules: ScrubRules,
  forgotten: ReadonlySet<string>,
) {
  // Nothing that stays can have a copy of a folder, or of everything.
  if (scope.kind === "everything" || scope.kind === "folders") return [];
  // An excerpt of a file may be older than the first suggestion in it.
  const first = known.reduce((least, { sequence }) => Math.min(least, sequence), Number.MAX_SAFE_INTEGER);
  const since = scope.kind === "files" ? 0 : first - 1;
  const places = new Map(known.flatMap(({ place }) => (place ? [[nameOf(place), place] as const] : [])));
  const found = store.erasure.eventsAfter(since, [...places.values()]);
  const bySequence = new Map(found.map((one) => [one.sequence, one]));
  return [...bySequence.values()].flatMap(({ sequence, event, place }) => {
    const scrubbed = forgotten.has(event.suggestionId) ? null : scrubbedEvent(event, place, rules);
    return scrubbed === null ? [] : [{ sequence, event: scrubbed }];
  });
}
