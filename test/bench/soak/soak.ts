import { writeTinyModel } from "../../support/tiny-model.ts";
import { openStore } from "../../../server/store/store.ts";
import { ask, pin, typeOn, watch, workOn, type Stage } from "./actors.ts";
import type { SoakPlan } from "./plan.ts";
import { descriptors, nChildren, residentMib, sizeMib, type Sample } from "./process-sample.ts";
import { startSoakedServer } from "./soaked-server.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface SoakResult {
  readonly samples: readonly Sample[];
  readonly counts: Readonly<Record<string, number>>;
  /** Acknowledged events that the store does not have and nobody had forgotten, and others that it has. */
  readonly nLost: number;
  readonly nUnknown: number;
  /** Of the server: `accepted + duplicate + rejected` against what was acknowledged is in the ledger. */
  readonly ledgerBalances: boolean;
  readonly integrity: string;
}

/**
 * Runs the built server under everything that happens in a week at once, and looks at it from outside.
 * Linux alone shows what it needs, in /proc. @throws when the server ends, or refuses what it has to do
 */
export async function soak(
  plan: SoakPlan,
  {
    signal,
    say,
    mark = "",
  }: { readonly signal: AbortSignal; readonly say: (line: string) => void; readonly mark?: string },
): Promise<SoakResult> {
  const dir = mkdtempSync(path.join(tmpdir(), "kept-soak-"));
  try {
    const modelDir = path.join(dir, "model");
    writeTinyModel(modelDir);
    const over = new AbortController();
    const samples: Sample[] = [];
    const database = path.join(dir, "data", "kept.db");
    let stage: Stage;
    {
      await using server = await startSoakedServer(dir, modelDir, mark);
      const stop = AbortSignal.any([over.signal, signal]);
      stage = {
        plan,
        url: server.url,
        token: server.token,
        database,
        signal: stop,
        acknowledged: new Set(),
        suggestions: [],
        isPinned: false,
        counts: {},
      };
      const actors = Promise.all([typeOn(stage), pin(stage), watch(stage), workOn(stage)]);
      const early = server.ended.then((how) => {
        if (!over.signal.aborted) throw new Error(`The server ended (${how}): ${server.complaint()}`);
      });
      // Whoever fails ends the soak; what fails after it has ended is nobody's.
      const failed = Promise.race([actors.then(() => undefined), early]);
      failed.catch(() => over.abort());
      await sampleUntil(plan, server.pid, stage, samples, say);
      over.abort();
      await failed;
      await ask(stage, "GET", "/v1/suggestions?limit=1");
    }
    return { samples, counts: stage.counts, ...whatIsThere(database, stage) };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

async function sampleUntil(
  plan: SoakPlan,
  pid: number,
  stage: Stage,
  samples: Sample[],
  say: (line: string) => void,
): Promise<void> {
  const began = performance.now();
  const log = path.join(path.dirname(stage.database), "server.log");
  for (let n = 1; !stage.signal.aborted; n += 1) {
    await delay(Math.max(0, began + n * plan.sampleSeconds * 1_000 - performance.now()), undefined, {
      signal: stage.signal,
    }).catch(() => {});
    const at = (performance.now() - began) / 1_000;
    if (stage.signal.aborted || at >= plan.seconds) return;
    const sample: Sample = {
      at,
      rssMib: residentMib(pid),
      ...descriptors(pid),
      walMib: sizeMib(`${stage.database}-wal`),
      logMib: sizeMib(log, `${log}.1`),
      nChildren: nChildren(pid),
      isPinned: stage.isPinned,
    };
    samples.push(sample);
    if (n % 12 === 0) say(line(sample, stage));
  }
}

const line = (sample: Sample, stage: Stage): string =>
  `${Math.round(sample.at)} s: ${sample.rssMib.toFixed(0)} MiB, ${sample.nFiles} + ${sample.nOther} descriptors, ` +
  `WAL ${sample.walMib.toFixed(1)} MiB${sample.isPinned ? " pinned" : ""}, ${stage.acknowledged.size} events, ` +
  Object.entries(stage.counts)
    .map(([what, n]) => `${n} ${what}`)
    .join(", ");

/** After the end: every acknowledged event is in the store, but for those of forgotten suggestions. */
function whatIsThere(
  database: string,
  stage: Stage,
): Pick<SoakResult, "nLost" | "nUnknown" | "ledgerBalances" | "integrity"> {
  using store = openStore(database);
  const stored = new Set(store.db.prepare("SELECT id FROM events").pluck().all() as string[]);
  const nForgotten = store.db
    .prepare("SELECT coalesce(sum(n_events), 0) FROM forget_operations")
    .pluck()
    .get() as number;
  const nMissing = [...stage.acknowledged].filter((id) => !stored.has(id)).length;
  const { accepted } = store.events.ledger();
  return {
    nLost: Math.max(0, nMissing - nForgotten),
    nUnknown: [...stored].filter((id) => !stage.acknowledged.has(id)).length,
    ledgerBalances: accepted === stored.size + nForgotten,
    integrity: store.db.pragma("integrity_check", { simple: true }) as string,
  };
}
