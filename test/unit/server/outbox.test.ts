import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import path from "node:path";
import { AppError } from "../../../server/errors.ts";
import { createLog } from "../../../server/log.ts";
import { startDrain } from "../../../server/outbox/drain.ts";
import type { OutboxRow } from "../../../server/store/outbox-store.ts";
import { openStore, type Store } from "../../../server/store/store.ts";

const log = createLog({ level: "silent", destination: path.join(tmpdir(), "kept-outbox-test.log") });
const RUN = { strategy: "lora" as const, backend: "onnx" as const, workspaces: [], overrides: {} };

/** What waits for MLflow: `topic subject`, the oldest first. */
const waiting = (store: Store): string[] =>
  store.outbox.waiting("mlflow", 100).map(({ topic, subject }) => `${topic} ${subject}`);

function draining(store: Store, deliver: (row: OutboxRow) => Promise<void>) {
  let nowMs = 0;
  const drain = startDrain({
    store,
    destination: "mlflow",
    isOn: () => true,
    deliver,
    clock: { wallMs: () => 0, monotonicMs: () => nowMs },
    log,
    everyMs: 3_600_000,
  });
  return { drain, wait: (ms: number) => void (nowMs += ms) };
}

describe("the outbox", () => {
  it("has one row for each thing that changed, from the change's own transaction", () => {
    using store = openStore(":memory:");
    store.runs.create({ id: "before", request: RUN, createdAt: 1 });
    assert.deepEqual(waiting(store), [], "nobody is told");
    store.outbox.open("mlflow", 1);
    store.runs.create({ id: "r", request: RUN, createdAt: 1 });
    const point = { runId: "r", totalSteps: 9, loss: 1, validationLoss: null, tokensPerSecond: 1, secondsLeft: 1 };
    for (let step = 1; step <= 9; step++) store.runs.addPoint({ ...point, step });
    store.runs.moveTo("r", "train", "running");
    assert.deepEqual(waiting(store), ["run r", "points r"]);
    assert.throws(() =>
      store.transaction(() => {
        store.runs.create({ id: "undone", request: RUN, createdAt: 1 });
        throw new Error("no");
      }),
    );
    assert.deepEqual(waiting(store), ["run r", "points r"]);
    store.outbox.close("mlflow");
    assert.deepEqual(waiting(store), []);
    store.runs.moveTo("r", "test", "running");
    assert.deepEqual(waiting(store), []);
  });

  it("sends again what changed while it was sent", async () => {
    using store = openStore(":memory:");
    store.outbox.open("mlflow", 1);
    store.runs.create({ id: "r", request: RUN, createdAt: 1 });
    const seen: string[] = [];
    const { drain } = draining(store, (row) => {
      seen.push(row.subject);
      if (seen.length === 1) store.runs.moveTo("r", "train", "running");
      return Promise.resolve();
    });
    await using _ = drain;
    await drain.look();
    assert.deepEqual(waiting(store), ["run r"]);
    await drain.look();
    assert.deepEqual([seen, waiting(store)], [["r", "r"], []]);
  });

  it("lets everything wait while the other side is away, longer each time, and goes on in order", async () => {
    using store = openStore(":memory:");
    store.outbox.open("mlflow", 1);
    for (const id of ["a", "b", "c"]) store.runs.create({ id, request: RUN, createdAt: 1 });
    const tried: string[] = [];
    let isAway = true;
    const { drain, wait } = draining(store, (row) => {
      tried.push(`${row.subject}${row.attempts}`);
      return isAway ? Promise.reject(new AppError("integration-unreachable", "away")) : Promise.resolve();
    });
    await using _ = drain;
    for (const ms of [0, 999, 1, 1_999, 1]) {
      wait(ms);
      await drain.look();
    }
    assert.deepEqual(tried, ["a0", "a1", "a2"]);
    isAway = false;
    store.outbox.retry("mlflow");
    await drain.look();
    assert.deepEqual(tried.slice(3), ["a0", "b0", "c0"]);
    assert.deepEqual(waiting(store), []);
  });

  it("lets one thing wait that is refused, and sends the others", async () => {
    using store = openStore(":memory:");
    store.outbox.open("mlflow", 1);
    for (const id of ["a", "b", "c"]) store.runs.create({ id, request: RUN, createdAt: 1 });
    const { drain, wait } = draining(store, (row) =>
      row.subject === "b" ? Promise.reject(new AppError("integration-invalid", "no")) : Promise.resolve(),
    );
    await using _ = drain;
    await drain.look();
    assert.deepEqual(waiting(store), ["run b"]);
    assert.deepEqual(store.outbox.count("mlflow"), { waiting: 1, failing: 1 });
    await drain.look();
    assert.equal(store.outbox.waiting("mlflow", 1)[0]!.attempts, 1);
    wait(1_000);
    await drain.look();
    assert.equal(store.outbox.waiting("mlflow", 1)[0]!.attempts, 2);
  });
});
