import assert from "node:assert/strict";
import path from "node:path";
import { trainingSchedule, type TrainingSchedule } from "../../protocol/schedule.ts";
import { systemClock, type Clock } from "../../server/clock.ts";
import { createTinyModel } from "../support/tiny-model.ts";
import { joinStore } from "../../server/store/store.ts";
import { adaptedApp } from "./adapted-app.ts";
import { runningApp } from "./running-app.ts";
import { sampleSession, shownWith } from "./sample-events.ts";
import { runCli, until } from "./server-process.ts";
import { v7 as uuidv7 } from "uuid";

/** A look of the schedule and labels of events that were just stored, on a busy machine. */
const SOON_MS = 60_000;

describe("training that starts by itself", function () {
  this.timeout(180_000);

  it("is due when what is served remembers what was forgotten, while there is something else to learn from", async () => {
    const session = sampleSession(Date.now());
    await using adapted = await adaptedApp(session.story("shown accepted retained"));
    const { running } = adapted;
    const decision = async () => trainingSchedule.parse((await running.call("GET", "/v1/schedule")).body).decision;
    assert.deepEqual(await decision(), { kind: "rest", reason: "nothing-new" });
    {
      using store = joinStore(running.app.places.database);
      const id = uuidv7();
      store.transaction(() => {
        store.runs.finish("run", "succeeded", 2, null);
        store.forget.begin({ id, requestedAtMs: Date.now(), scope: { kind: "suggestions", ids: [uuidv7()] } });
        store.forget.invalidate("ds", id, Date.now());
        store.forget.finish(id, Date.now());
      });
    }
    assert.deepEqual(await decision(), { kind: "wait", trigger: "forgotten", for: "idle" });
    const scope = { kind: "everything" };
    await running.call("POST", "/v1/forget", { id: uuidv7(), requestedAtMs: Date.now(), scope });
    assert.deepEqual(await decision(), { kind: "rest", reason: "nothing-new" });
  });

  it("waits while somebody works, starts when nobody does, and only once for the same labels", async () => {
    using model = createTinyModel();
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, wallMs: () => systemClock.wallMs() + aheadMs };
    await using server = await runningApp({ modelDir: model.dir, clock, scheduleEveryMs: 50 });
    const kept = (...args: string[]) => runCli(["--data-dir", path.join(server.dir, "data"), ...args]);
    const schedule = async (): Promise<TrainingSchedule> =>
      trainingSchedule.parse((await server.call("GET", "/v1/schedule")).body);
    const runs = async () =>
      (await server.call("GET", "/v1/training/runs")).body.runs as { id: string; state: string }[];

    const set = await kept("schedule", "set", "--labels", "40", "--nightly", "off", "--on-battery", "on", "--json");
    assert.equal(set.code, 0, set.stderr);
    assert.equal(JSON.parse(set.stdout).settings.labels, 40);
    assert.deepEqual((await schedule()).decision, { kind: "rest", reason: "nothing-new" });

    const events = Array.from({ length: 60 }, (_, i) => {
      const session = sampleSession(1_750_000_000_000 + i * 60_000);
      const id = uuidv7();
      const shown = shownWith(session, id, {
        path: `src/f${i % 20}.ts`,
        prefix: `const a${i} = `,
        completion: `keep(${i});`,
      });
      return [shown, session.of("accepted", id), session.of("retained", id)];
    }).flat();
    assert.equal((await server.call("POST", "/v1/events", { events })).status, 200);
    const waiting = await until(async () => {
      const state = await schedule();
      return state.decision.kind === "wait" ? state : null;
    }, SOON_MS);
    assert.deepEqual(waiting.decision, { kind: "wait", trigger: "labels", for: "idle" });
    assert.equal(waiting.newLabels, 60);
    assert.deepEqual(await runs(), []);

    aheadMs = 6 * 60_000;
    const [run] = await until(async () => ((await runs()).length > 0 ? await runs() : null), SOON_MS);
    await until(async () => ((await schedule()).newLabels === 0 ? true : null), SOON_MS);
    const { last, decision } = await schedule();
    assert.deepEqual([last.trigger, last.run], ["labels", run!.id]);
    assert.deepEqual(decision, { kind: "rest", reason: "nothing-new" });
    const shown = await kept("schedule", "show");
    assert.match(shown.stdout, new RegExp(`New labels: 0\\. Started by itself: .*labels, run ${run!.id}`));

    const more = Array.from({ length: 12 }, (_, i) => shownWith(sampleSession(1_760_000_000_000 + i), uuidv7(), {}));
    const stateOf = async () => (await server.call("GET", `/v1/training/runs/${run!.id}`)).body.state as string;
    const becomes = (wanted: string) => until(async () => ((await stateOf()) === wanted ? wanted : null), SOON_MS);
    await becomes("running");
    aheadMs = 0;
    assert.equal((await server.call("POST", "/v1/events", { events: more })).status, 200);
    await becomes("paused");
    assert.equal((await schedule()).last.gaveWay, true);
    aheadMs = 6 * 60_000;
    await becomes("running");
    await until(async () => ((await schedule()).last.gaveWay ? null : true), SOON_MS);

    await server.call("POST", `/v1/training/runs/${run!.id}/pause`, {});
    aheadMs += 6 * 60_000;
    await schedule();
    assert.equal(await stateOf(), "paused", "what a person paused is not resumed");
    await server.call("POST", `/v1/training/runs/${run!.id}/cancel`, {});
    aheadMs = 3 * 3_600_000;
    assert.equal((await runs()).length, 1);
  });

  it("never starts where it is switched off, and says why", async () => {
    await using server = await runningApp({ scheduleEveryMs: 20 });
    const kept = (...args: string[]) => runCli(["--data-dir", path.join(server.dir, "data"), ...args]);
    assert.equal((await kept("schedule", "set", "--automatic", "off")).code, 0);
    assert.deepEqual((await server.call("GET", "/v1/schedule")).body.decision, { kind: "rest", reason: "off" });
    const wrong = await kept("schedule", "set", "--labels", "3");
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /from 20 to 100000/);
    assert.equal((await kept("schedule", "set")).code, 2);
  });
});
