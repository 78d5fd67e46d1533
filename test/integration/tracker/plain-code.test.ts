import { DEADLINE_MS, followRepository } from "./followed-repository.ts";
import assert from "node:assert/strict";

const POINT = "export interface Point {\n  x: number;\n  y: number;\n}\n\n";

describe("code of single letters", function () {
  this.timeout(DEADLINE_MS);

  const check = (name: string, accepted: string) =>
    it(`${name} is found in its own file's first commit`, async () => {
      await using repository = await followRepository();
      await repository.accept("s", "src/point.ts", accepted);
      const around = `${POINT}export function subtractPoint(a: Point, b: Point): Point {\n  return ${accepted}\n}\n`;
      await repository.commit("point", { "src/point.ts": around });
      const { state, tok } = await repository.see();
      assert.deepEqual([state, tok], [{ kind: "alive", in: "default" }, 1]);
    });
  check("an object", "{ x: a.x - b.x, y: a.y - b.y };");
  check("a sum beside one word", "{ x: a.x + b.x + scale, y: a.y * b.y + a.z * b.z - a.w * b.w };");
  check("three tokens", "a + b");
});
