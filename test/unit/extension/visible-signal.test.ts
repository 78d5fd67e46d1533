import { createVisibleSignal } from "../../../extension/observe/visible-signal.ts";
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";

describe("visible signal", () => {
  function watch() {
    const told: (boolean | "changed")[] = [];
    let up: string | null = null;
    const signal = createVisibleSignal(() => up, {
      onUp: (isUp) => told.push(isUp),
      onChange: () => told.push("changed"),
    });
    const becomes = (id: string | null) => {
      up = id;
      signal.soon();
    };
    return { told, signal, becomes };
  }

  it("tells nothing on the turn that changed it, and all of it on the next", async () => {
    const { told, becomes } = watch();
    becomes("one");
    assert.deepEqual(told, []);
    await setImmediate();
    assert.deepEqual(told, [true, "changed"]);
    becomes(null);
    await setImmediate();
    assert.deepEqual(told, [true, "changed", false, "changed"]);
  });

  it("tells of another suggestion, though one was up before it too", async () => {
    const { told, becomes } = watch();
    becomes("one");
    await setImmediate();
    becomes(null);
    becomes("two");
    await setImmediate();
    assert.deepEqual(told, [true, "changed", "changed"]);
  });

  it("tells the editor's keys before an answer, once, and the buttons a turn later", async () => {
    const { told, signal, becomes } = watch();
    becomes("one");
    signal.beforeAnswer();
    assert.deepEqual(told, [true]);
    signal.beforeAnswer();
    assert.deepEqual(told, [true]);
    await setImmediate();
    assert.deepEqual(told, [true, "changed"]);
  });

  it("is silent once it was disposed of", async () => {
    const { told, signal, becomes } = watch();
    becomes("one");
    signal[Symbol.dispose]();
    await setImmediate();
    assert.deepEqual(told, []);
  });
});
