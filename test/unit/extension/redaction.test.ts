import { redactSecrets } from "../../../core/redaction.ts";
import assert from "node:assert/strict";
import fc from "fast-check";
import { createHash } from "node:crypto";

/** Letters and digits that no issuer gave out. */
const filler = (length: number, alphabet = "aB3dE5gH7jK9mN2pQ4rS6tU8vW1xYz0C") =>
  Array.from({ length }, (_, i) => alphabet[(i * 7 + (i >> 3)) % alphabet.length]).join("");

/** The secret is gone, the placeholder is there, and the code around it is as it was. */
function gone(
  name: string,
  secret: string,
  placeholder: string,
  code = (text: string) => `const a = "${text}"; // b`,
): void {
  it(`hides ${name}`, () => {
    const redacted = redactSecrets(code(secret));
    assert.ok(!redacted.includes(secret), redacted);
    assert.equal(redacted, code(`<${placeholder}>`));
  });
}

function stays(name: string, text: string): void {
  it(`leaves ${name}`, () => assert.equal(redactSecrets(text), text));
}

describe("redaction", () => {
  gone("an AWS key", `AKIA${filler(16, "ABCDEFGH234567")}`, "aws-key");
  gone("a GitHub token", `ghp_${filler(36)}`, "github-token");
  gone("a fine-grained GitHub token", `github_pat_${filler(60)}`, "github-token");
  gone("a GitLab token", `glpat-${filler(20)}`, "gitlab-token");
  gone("an OpenAI key", `sk-proj-${filler(40)}`, "openai-key");
  gone("a Slack token", `xoxb-${filler(24)}`, "slack-token");
  gone("a Stripe key", `sk_live_${filler(24)}`, "stripe-key");
  gone("a Google key", `AIza${filler(35)}`, "google-key");
  gone("an npm token", `npm_${filler(36)}`, "npm-token");
  gone("a Hugging Face token", `hf_${filler(34)}`, "huggingface-token");
  gone("a JSON web token", `eyJ${filler(20)}.eyJ${filler(30)}.${filler(40)}`, "jwt");
  gone("a DigitalOcean token", `dop_v1_${filler(64, "0123456789abcdef")}`, "digitalocean-token");
  gone(
    "a password in an address",
    "hunter2hunter2",
    "credentials",
    (text) => `connect("postgres://app:${text}@db:5432/app")`,
  );
  gone("a value given to a password", "c0rrect-h0rse", "secret", (text) => `const dbPassword = "${text}";`);
  gone("a value given to an API key", "9f8e7d6c5b4a", "secret", (text) => `{ apiKey: '${text}' }`);
  gone("a long random string", createHash("sha256").update("kept").digest("base64").slice(0, 40), "secret");

  it("hides a private key, all lines of it", () => {
    const key = `-----BEGIN RSA PRIVATE KEY-----\n${filler(64)}\n${filler(64)}\n-----END RSA PRIVATE KEY-----`;
    assert.equal(redactSecrets(`const key = \`${key}\`;`), "const key = `<private-key>`;");
  });
  it("hides a private key that the window cuts off", () => {
    const redacted = redactSecrets(`x = 1;\n-----BEGIN PRIVATE KEY-----\n${filler(64)}\n${filler(30)}`);
    assert.equal(redacted, "x = 1;\n<private-key>");
  });

  stays("ordinary code", "export function addPoint(a: Point, b: Point): Point {\n  return { x: a.x + b.x };\n}");
  stays("a git hash", `const commit = "${"0123456789abcdef".repeat(3).slice(0, 40)}";`);
  stays("a sha256", `const digest = "${"0123456789abcdef".repeat(4)}";`);
  stays("a path", `import { a } from "../engine/architectures/Decoder2/inference/Graph1.ts";`);
  stays("a long identifier", `const name = "veryLongIdentifierWithoutAnyDigitsInIt";`);
  stays("a placeholder password", `const password = "<your password>";`);
  stays("a password read from the environment", `const password = process.env.PASSWORD;`);
  stays("a word given to a token", `const token = "identifier";`);
  stays("a UUID", `const id = "123e4567-e89b-12d3-a456-426614174000";`);

  it("changes nothing the second time", () => {
    const secret = `const a = "ghp_${filler(36)}"; const password = "c0rrect-h0rse";`;
    assert.equal(redactSecrets(redactSecrets(secret)), redactSecrets(secret));
  });

  it("finds a GitHub token anywhere in any text", () => {
    const token = fc.stringMatching(/^ghp_[A-Za-z0-9]{36}$/);
    fc.assert(
      fc.property(fc.string(), token, fc.string(), (before, secret, after) => {
        assert.ok(!redactSecrets(`${before} ${secret} ${after}`).includes(secret));
      }),
    );
  });

  it("ends in time on long hostile text", function () {
    this.timeout(5_000);
    for (const text of [
      "-----BEGIN PRIVATE KEY".repeat(2_000),
      "password=".repeat(5_000),
      "a".repeat(50_000),
      `"${"aB3/".repeat(10_000)}`,
      "x://y:".repeat(8_000),
    ]) {
      assert.equal(typeof redactSecrets(text), "string");
    }
  });
});
