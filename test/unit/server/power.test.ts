import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { isOnBattery } from "../../../server/schedule/power.ts";

type Supply = Readonly<Record<string, string>>;
const BATTERY: Supply = { type: "Battery", status: "Discharging" };

describe("the power that a machine runs on", () => {
  for (const [what, supplies, expected] of [
    ["a desktop", {}, false],
    ["a laptop on its battery", { AC: { type: "Mains", online: "0" }, BAT0: BATTERY }, true],
    [
      "a laptop on its charger",
      { AC: { type: "Mains", online: "1" }, BAT0: { ...BATTERY, status: "Charging" } },
      false,
    ],
    ["a charger that is too weak", { AC: { type: "Mains", online: "1" }, BAT0: BATTERY }, false],
    ["a mouse with a battery", { hid: { ...BATTERY, scope: "Device" } }, false],
  ] as const satisfies readonly (readonly [string, Readonly<Record<string, Supply>>, boolean])[]) {
    it(`${what}: ${expected ? "the battery" : "mains"}`, async () => {
      const dir = mkdtempSync(path.join(tmpdir(), "kept-power-"));
      try {
        for (const [name, files] of Object.entries<Supply>(supplies)) {
          mkdirSync(path.join(dir, name));
          for (const [file, text] of Object.entries(files)) writeFileSync(path.join(dir, name, file), `${text}\n`);
        }
        assert.equal(await isOnBattery("linux", dir), expected);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
    });
  }

  it("is mains where nobody can say", async () => {
    assert.equal(await isOnBattery("linux", "/nowhere"), false);
    assert.equal(await isOnBattery("aix"), false);
  });
});
