import assert from "node:assert/strict";
import { alignTokens } from "../../../core/survival/align-tokens.ts";
import { significantTokens } from "../../../core/survival/tokens.ts";

const half = (name: string): string =>
  `export function ${name}(items) { const chosen = items.filter((item) => item.${name}Count > 0); return chosen.map((item) => item.${name}Price * 2); }`;

describe("tokens of a changed place, before and after", () => {
  const align = (before: string, after: string) => {
    const [from, to] = [significantTokens(before), significantTokens(after)];
    return [...alignTokens(from, to)].map((place, at) => {
      if (place !== -1) assert.equal(to[place], from[at], "a token stands where an equal one is");
      return place;
    });
  };

  it("stand where an operator was carried to, over a remark", () => {
    assert.ok(
      align("first + // why\nsecond.third.fourth", "first // why\n+ second.third.fourth").every((at) => at !== -1),
    );
  });

  it("are not looked for at the border of the place: what stands there is another's", () => {
    const before = `${half("total")}\n${half("other")}`;
    const places = align(before, `// moved\n${half("other")}\n${half("total")}`);
    const nFirst = significantTokens(half("total")).length;
    const nRemark = significantTokens("// moved").length;
    const otherEnd = nRemark + significantTokens(half("other")).length;
    for (const place of places.slice(0, nFirst)) assert.ok(place === -1 || place >= otherEnd, `${place}`);
  });
});
