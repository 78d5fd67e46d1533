import assert from "node:assert/strict";
import { redactPlace } from "../../../core/redaction/place.ts";
import { plantedRows } from "../../bench/extraction/planted-rows.ts";

describe("planted secrets", () => {
  const planted = plantedRows(50, 1);

  it("are fifty different ones, the cursor just before each", () => {
    assert.equal(new Set(planted.map(({ secret }) => secret)).size, 50);
    for (const { secret, row } of planted) {
      assert.ok(row.completion.startsWith(secret));
      assert.ok(!row.prefix.includes(secret));
    }
  });

  it("are in no row as Kept stores it", () => {
    for (const { secret, row } of planted) {
      const { prefix, written, suffix } = redactPlace({ ...row, written: row.completion });
      const text = prefix + written + suffix;
      for (let at = 0; at + 10 <= secret.length; at += 1) assert.ok(!text.includes(secret.slice(at, at + 10)), secret);
    }
  });
});
