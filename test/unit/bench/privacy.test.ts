import { replaceFindings } from "../../../core/redaction/findings.ts";
import { findSecrets } from "../../../core/redaction.ts";
import { createRandom } from "../../../core/statistics/random.ts";
import { benignTexts } from "../../bench/privacy/benign.ts";
import { N_KINDS, plantSecrets } from "../../bench/privacy/secrets.ts";
import assert from "node:assert/strict";

describe("redaction of generated texts", () => {
  const secrets = plantSecrets(N_KINDS * 2, createRandom(11));

  it("has secrets of at least 40 kinds, each in its text", () => {
    assert.ok(new Set(secrets.map(({ kind }) => kind)).size >= 40);
    for (const { secret, text } of secrets)
      assert.ok(text.includes(secret) || text.includes(secret.replaceAll("\n", "\\n")));
  });

  it("leaves none of them, by Kept's own rules alone", () => {
    const missed = secrets.filter(({ secret, text }) => {
      const redacted = replaceFindings(text, findSecrets(text));
      return redacted.includes(secret.slice(-12)) || redacted.includes(secret.slice(4, 16));
    });
    assert.deepEqual(
      missed.map(({ kind }) => kind),
      [],
    );
  });

  it("leaves what opens nothing as it is", () => {
    const changed = benignTexts(480, createRandom(12)).filter((text) => findSecrets(text).length > 0);
    assert.deepEqual(changed, []);
  });
});
