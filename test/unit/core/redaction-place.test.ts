import assert from "node:assert/strict";
import fc from "fast-check";
import { redactPlace } from "../../../core/redaction/place.ts";

describe("redactPlace", () => {
  it("knows a secret by the name before the cursor", () => {
    const place = redactPlace({ prefix: 'const password = "', written: 'Tr0ub4dor&3x!";', suffix: "\nlogin();" });
    assert.doesNotMatch(place.written, /Tr0ub4dor/);
    assert.match(place.prefix, /^const password = "/);
    assert.equal(place.suffix, "\nlogin();");
  });

  it("replaces both halves of one that the cursor stands in", () => {
    const token = ["ghp", "_", "a1B2c3D4e5F6g7H8i9J0".repeat(2).slice(0, 36)].join("");
    const place = redactPlace({
      prefix: `use("${token.slice(0, 12)}`,
      written: `${token.slice(12, 30)}`,
      suffix: `${token.slice(30)}");`,
    });
    const text = place.prefix + place.written + place.suffix;
    for (let at = 0; at + 8 <= token.length; at += 1) assert.ok(!text.includes(token.slice(at, at + 8)));
  });

  it("leaves code without secrets as it is", () => {
    const code = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n", ";", "(", ")"), maxLength: 40 });
    fc.assert(
      fc.property(code, code, code, (prefix, written, suffix) => {
        assert.deepEqual(redactPlace({ prefix, written, suffix }), { prefix, written, suffix });
      }),
    );
  });
});
