import assert from "node:assert/strict";
import { soakFigures, WAL_BOUND_MIB } from "../bench/soak/figures.ts";
import { soakPlan } from "../bench/soak/plan.ts";
import { soak } from "../bench/soak/soak.ts";
import { until } from "../server/server-process.ts";
import { markedProcesses } from "./server/afterwards.ts";
import { MARK } from "./server/faulty-server.ts";
import { isFullRun } from "./seed.ts";

/** `npm run bench -- soak` has half an hour, and measures memory: a short one is all warm-up. */
const MINUTES = isFullRun ? 4 : 0.4;

describe("F12 events, readers that hold the log, datasets, training, forgetting and a dashboard at once", function () {
  this.timeout((MINUTES + 3) * 60_000);

  before(function () {
    if (process.platform !== "linux") throw new Error("this scenario reads descriptors from /proc: it needs Linux");
  });

  it(`${MINUTES} minutes: nothing is lost, the log stays within its bound, and no file stays open`, async () => {
    const plan = soakPlan(MINUTES);
    const { signal } = new AbortController();
    const result = await soak(plan, { signal, say: () => {}, mark: MARK });
    const { nLost, nUnknown, ledgerBalances, integrity } = result;
    assert.deepEqual(
      { nLost, nUnknown, ledgerBalances, integrity },
      { nLost: 0, nUnknown: 0, ledgerBalances: true, integrity: "ok" },
    );
    for (const what of ["batches", "pins", "looks", "datasets", "runs", "forgotten", "pushed"]) {
      assert.ok((result.counts[what] ?? 0) > 0, `${what}: none in ${JSON.stringify(result.counts)}`);
    }
    const figures = soakFigures(result.samples, plan.warmUpSeconds, plan.seconds / 10);
    assert.ok(figures.walBeyondMib <= WAL_BOUND_MIB, `a log of ${figures.walBeyondMib} MiB`);
    assert.equal(figures.walBackSeconds, 0);
    assert.equal(figures.filesSpread, 0);
    await until(() => (markedProcesses().length === 0 ? true : null), 10_000);
  });
});
