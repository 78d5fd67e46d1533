import assert from "node:assert/strict";
import fc from "fast-check";
import { admit } from "../../../server/http/admit.ts";
import { sameToken } from "../../../server/http/token.ts";

const PORT = 4711;
const TOKEN = "t".repeat(43);
const KEY = "k".repeat(43);
const gate = {
  port: PORT,
  token: TOKEN,
  isOpen: (method: string, path: string) => method === "GET" && path === "/healthz",
  keyOf: (method: string, path: string) => (`${method} ${path}` === "POST /v1/completions" ? KEY : null),
};

/** `headers` are lines as `Name: value`; the token line is added unless `withToken` says otherwise. */
function check(headers: string, expected: string, options: { target?: string; method?: string; token?: string } = {}) {
  const lines = headers.split("\n").filter((line) => line !== "");
  if (options.token !== "none") lines.push(`Authorization: Bearer ${options.token ?? TOKEN}`);
  const rawHeaders = lines.flatMap((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at), line.slice(at + 1).trim()];
  });
  const { target = "/v1/events", method = "GET" } = options;
  const admission = admit({ method, target, rawHeaders }, gate);
  assert.equal(admission.ok ? "ok" : admission.reason, expected);
}

describe("admit", () => {
  const host = `Host: 127.0.0.1:${PORT}`;
  it("takes the three names of this machine with the own port", () => {
    for (const name of ["127.0.0.1", "localhost", "[::1]"]) check(`Host: ${name}:${PORT}`, "ok");
  });
  for (const bad of [
    "evil.example:4711",
    "127.0.0.1.evil.example:4711",
    "127.0.0.1",
    "127.0.0.1:4712",
    "LOCALHOST:4711",
    "0.0.0.0:4711",
    "127.1:4711",
    "127.0.0.1:4711 ",
    "user@127.0.0.1:4711",
    "",
  ]) {
    it(`refuses the host ${JSON.stringify(bad)}`, () => {
      const rawHeaders = ["Host", bad, "Authorization", `Bearer ${TOKEN}`];
      const admission = admit({ method: "GET", target: "/healthz", rawHeaders }, gate);
      assert.deepEqual(admission, { ok: false, reason: "forbidden-host" });
    });
  }
  it("refuses two Host headers, also equal ones, and none", () => {
    check(`${host}\n${host}`, "forbidden-host");
    check(`${host}\nhOsT: evil.example`, "forbidden-host");
    check("", "forbidden-host");
  });
  it("takes another key for what it opens, and for nothing else", () => {
    check(host, "ok", { method: "POST", target: "/v1/completions?x", token: KEY });
    check(host, "unauthorized", { method: "GET", target: "/v1/completions", token: KEY });
    check(host, "unauthorized", { method: "POST", target: "/v1/events", token: KEY });
    check(host, "unauthorized", { method: "POST", target: "/v1/completions", token: "none" });
    check(host, "unauthorized", { method: "POST", target: "/v1/completions", token: `${KEY}k` });
  });
  it("takes its own origin", () => check(`${host}\nOrigin: http://127.0.0.1:${PORT}`, "ok"));
  for (const origin of [
    "null",
    "https://evil.example",
    "http://localhost:3000",
    `https://127.0.0.1:${PORT}`,
    `http://localhost:${PORT}`,
  ]) {
    it(`refuses the origin ${origin} on every method`, () => {
      for (const method of ["GET", "POST", "PUT", "OPTIONS", "HEAD"]) {
        check(`${host}\nOrigin: ${origin}`, "forbidden-origin", { method });
      }
    });
  }
  it("refuses a foreign origin on open paths too", () =>
    check(`${host}\nOrigin: https://evil.example`, "forbidden-origin", { target: "/healthz", token: "none" }));
  it("looks at where a browser says that the request comes from", () => {
    check(`${host}\nSec-Fetch-Site: same-origin`, "ok");
    check(`${host}\nSec-Fetch-Site: none`, "ok");
    check(`${host}\nSec-Fetch-Site: cross-site`, "forbidden-origin");
    check(`${host}\nSec-Fetch-Site: same-site`, "forbidden-origin");
  });
  it("refuses a whole address as the target", () => check(host, "malformed", { target: "http://evil.example/" }));
  it("lets only open paths in without a token", () => {
    check(host, "ok", { target: "/healthz", token: "none" });
    check(host, "ok", { target: "/healthz?x=1", token: "none" });
    check(host, "unauthorized", { target: "/healthz/", token: "none" });
    check(host, "unauthorized", { token: "none" });
    check(host, "unauthorized", { target: `/v1/stream?token=${TOKEN}`, token: "none" });
  });
  for (const token of [
    "",
    "x",
    TOKEN.slice(1),
    TOKEN + "t",
    TOKEN.toUpperCase(),
    "ü".repeat(43),
    `${TOKEN}, Bearer ${TOKEN}`,
  ]) {
    it(`refuses the token ${token.slice(0, 12)}… of ${token.length} characters`, () =>
      check(host, "unauthorized", { token }));
  }
  it("refuses two Authorization headers", () => check(`${host}\nAuthorization: Bearer ${TOKEN}`, "unauthorized"));
  it("never takes another text for the token", () => {
    fc.assert(fc.property(fc.string(), (text) => sameToken(text, TOKEN) === (text === TOKEN)));
  });
});
