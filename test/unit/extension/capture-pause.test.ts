import { createCapturePause } from "../../../extension/ui/capture-pause.ts";
import assert from "node:assert/strict";

/** As VS Code's: values outlive what reads them. */
function memento() {
  const values = new Map<string, unknown>();
  return {
    keys: () => [...values.keys()],
    get: <T>(key: string, otherwise?: T) => (values.get(key) ?? otherwise) as T,
    update: (key: string, value: unknown) => Promise.resolve(void values.set(key, value)),
    setKeysForSync: () => {},
  };
}

describe("capture pause", () => {
  it("lasts until somebody resumes", async () => {
    const state = memento();
    using pause = createCapturePause(
      state,
      () => {},
      () => 1_000,
    );
    await pause.start(null);
    assert.deepEqual([pause.isPaused, pause.remainingMs], [true, null]);
    await pause.end();
    assert.deepEqual([pause.isPaused, pause.remainingMs], [false, null]);
  });

  it("ends by itself, and says so", async () => {
    const ended = Promise.withResolvers<void>();
    let nChanges = 0;
    using pause = createCapturePause(memento(), () => (++nChanges === 2 ? ended.resolve() : undefined));
    await pause.start(30);
    assert.equal(pause.isPaused, true);
    await ended.promise;
    assert.equal(pause.isPaused, false);
  });

  it("survives a restart with the time that is left", async () => {
    const state = memento();
    {
      using before = createCapturePause(
        state,
        () => {},
        () => 10_000,
      );
      await before.start(3_600_000);
    }
    using after = createCapturePause(
      state,
      () => {},
      () => 10_000 + 3_000_000,
    );
    assert.deepEqual([after.isPaused, after.remainingMs], [true, 600_000]);
    using later = createCapturePause(
      state,
      () => {},
      () => 10_000 + 3_600_000,
    );
    assert.equal(later.isPaused, false);
  });

  it("is never longer than asked for, though the clock was set back", async () => {
    const state = memento();
    using before = createCapturePause(
      state,
      () => {},
      () => 1e12,
    );
    await before.start(3_600_000);
    using after = createCapturePause(
      state,
      () => {},
      () => 1,
    );
    assert.equal(after.remainingMs, 3_600_000);
  });
});
