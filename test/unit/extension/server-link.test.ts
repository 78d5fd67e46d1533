import { openServerLink, type LinkWorld } from "../../../extension/sync/server-link.ts";
import type { Discovery } from "../../../extension/sync/server-discovery.ts";
import { openOutbox } from "../../../extension/sync/outbox.ts";
import fc from "fast-check";
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const HOUR_MS = 3_600_000;

/** Runs a link for an hour of a clock that only its own waits move, and tells when it looked for a server. */
async function looks(
  discovery: Discovery,
  random: () => number,
  serverEntry: string | null = null,
): Promise<{ looks: number[]; starts: number[]; states: string[] }> {
  const dir = mkdtempSync(path.join(tmpdir(), "kept-link-"));
  let now = 0;
  const at: number[] = [];
  const starts: number[] = [];
  const states: string[] = [];
  const world: LinkWorld = {
    now: () => now,
    random,
    async pause(ms) {
      now += ms;
      if (now >= HOUR_MS) link[Symbol.dispose]();
    },
    async discover() {
      at.push(now);
      return discovery;
    },
    async start() {
      starts.push(now);
    },
  };
  const outbox = openOutbox(path.join(dir, "outbox"), "w");
  const link = openServerLink({
    dataDir: dir,
    serverEntry,
    env: {},
    outbox,
    handlers: {},
    onConnected: async () => {},
    onState: (state) => states.push(state),
    log: () => {},
    world,
  });
  await link.done;
  await outbox.close();
  rmSync(dir, { recursive: true, force: true });
  return { looks: at, starts, states };
}

describe("server link", () => {
  const away: Discovery = { ok: false, reason: "unreachable" };

  it("looks at most once in 5 s after the first minute, whatever chance says", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.double({ min: 0, max: 0.999, noNaN: true }), { minLength: 1 }), async (chances) => {
        let n = 0;
        const { looks: at } = await looks(away, () => chances[n++ % chances.length]!);
        const late = at.filter((ms) => ms > 60_000);
        assert.ok(late.length > 200);
        for (let i = 1; i < late.length; i += 1) assert.ok(late[i]! - late[i - 1]! >= 5_000);
        assert.ok(at.filter((ms) => ms <= 60_000).length <= 20);
      }),
      { numRuns: 20 },
    );
  });

  it("spreads windows: two of them do not look in step", async () => {
    const one = await looks(away, () => 0.1);
    const other = await looks(away, () => 0.9);
    assert.notDeepEqual(one.looks, other.looks);
  });

  it("says once that it is away, not at every look", async () => {
    assert.deepEqual((await looks(away, () => 0.5)).states, ["offline", "stopped"]);
  });

  it("starts a server that does not come ever more rarely", async () => {
    const { starts } = await looks(away, () => 0.5, "/nowhere/server.cjs");
    assert.ok(starts.length >= 5 && starts.length <= 20, `${starts.length} starts in an hour`);
    assert.ok(starts[1]! - starts[0]! >= 10_000);
    assert.ok(starts.at(-1)! - starts.at(-2)! >= 300_000);
  });

  it("starts none beside one of another version", async () => {
    const { starts, states } = await looks({ ok: false, reason: "other-protocol" }, () => 0.5, "/nowhere/server.cjs");
    assert.deepEqual(starts, []);
    assert.deepEqual(states, ["offline", "stopped"]);
  });
});
