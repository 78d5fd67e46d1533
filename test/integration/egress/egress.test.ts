import { allow, allowances, permitsOf, withdraw } from "../../../server/egress/allowances.ts";
import type { Resolve } from "../../../server/egress/address.ts";
import { openConnectionLog, readConnections } from "../../../server/egress/connection-log.ts";
import { openEgress, type EgressRequest } from "../../../server/egress/egress.ts";
import { fetchOwnServer } from "../../../server/egress/own-server.ts";
import { checkedEndpoint, type EgressPermit } from "../../../server/egress/permit.ts";
import { createBackup } from "../../../server/backup/create.ts";
import { restoreBackup } from "../../../server/backup/restore.ts";
import { prepareDataDir } from "../../../server/data-dir.ts";
import { createLog } from "../../../server/log.ts";
import { dataPlaces } from "../../../server/places.ts";
import { openOrRestore } from "../../../server/store-recovery.ts";
import { openStore } from "../../../server/store/store.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { runCli } from "../../server/server-process.ts";
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";

interface Way {
  /** A listener on loopback that nobody may reach unless it was allowed, and what reached it. */
  readonly canary: URL;
  readonly hits: IncomingMessage[];
  readonly log: string;
  answer: (request: IncomingMessage, response: ServerResponse) => void;
  send(
    url: string,
    permits: readonly Partial<EgressPermit>[],
    more?: Partial<EgressRequest> & { resolve?: Resolve },
  ): Promise<string>;
}

const LIMITS = { answerMs: 5_000, windowMs: 5_000, bytesPerWindow: 0, maxBytes: 10_000 };

async function check(body: (way: Way) => Promise<void>): Promise<void> {
  await using folder = await tempFolder();
  const hits: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    hits.push(request);
    request.resume();
    way.answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const log = path.join(folder.dir, "data", "egress.jsonl");
  const canary = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const way: Way = {
    canary,
    hits,
    log,
    answer: (_request, response) => void response.end("hello"),
    async send(url, permits, { resolve, ...more } = {}) {
      const all = permits.map((permit): EgressPermit => ({
        purpose: "metrics",
        origin: canary.origin,
        mayBePrivate: false,
        redirects: "none",
        ...permit,
      }));
      const egress = openEgress({ permits: () => all, log: openConnectionLog(log), ...(resolve ? { resolve } : {}) });
      const { signal } = new AbortController();
      const answer = await egress.request({
        purpose: "metrics",
        url: new URL(url),
        method: "POST",
        headers: { "x-secret": "canary-5e1f" },
        body: Buffer.from("body-canary"),
        limits: LIMITS,
        signal,
        ...more,
      });
      const pieces: Uint8Array[] = [];
      for await (const piece of answer.body) pieces.push(piece);
      return `${answer.status} ${Buffer.concat(pieces).toString()}`;
    },
  };
  try {
    await body(way);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** A name service that gives these addresses, one list after the other. */
const answering = (...lists: string[][]): Resolve & { asked: number } => {
  const resolve = (_host: string, _options: unknown, callback: Parameters<Resolve>[2]): void => {
    const list = lists[Math.min(resolve.asked, lists.length - 1)]!;
    resolve.asked += 1;
    callback(
      null,
      list.map((address) => ({ address, family: address.includes(":") ? 6 : 4 })),
    );
  };
  resolve.asked = 0;
  return resolve;
};

describe("the one way out", function () {
  this.timeout(20_000);

  it("leads to what the user allowed, and writes it down without headers, paths and bodies", () =>
    check(async (way) => {
      assert.equal(await way.send(`${way.canary.origin}/a/secret-path?q=1`, [{ mayBePrivate: true }]), "200 hello");
      const [record] = readConnections(way.log, 10);
      assert.deepEqual(
        { ...record, at: "", ms: 0 },
        {
          at: "",
          purpose: "metrics",
          method: "POST",
          to: way.canary.origin,
          address: "127.0.0.1",
          outcome: "answered",
          status: 200,
          sentBytes: 11,
          receivedBytes: 5,
          ms: 0,
        },
      );
      assert.equal(/secret|canary|path|hello/.test(readFileSync(way.log, "utf8")), false);
      assert.equal(statSync(way.log).mode & 0o077, 0);
    }));

  it("leads nowhere without a permission, and to no other host, port, scheme or purpose", () =>
    check(async (way) => {
      const { origin, port } = way.canary;
      for (const [url, permits] of [
        [origin, []],
        [origin, [{ purpose: "hub", mayBePrivate: true }]],
        [origin, [{ origin: `http://127.0.0.1:${Number(port) + 1}`, mayBePrivate: true }]],
        [origin, [{ origin: `https://127.0.0.1:${port}`, mayBePrivate: true }]],
        [`http://localhost:${port}`, [{ mayBePrivate: true }]],
        [`http://127.0.0.1.evil.example:${port}`, [{ mayBePrivate: true }]],
        [`http://u:p@127.0.0.1:${port}`, [{ mayBePrivate: true }]],
        ["file:///etc/passwd", [{ mayBePrivate: true }]],
        ["gopher://127.0.0.1/x", [{ mayBePrivate: true }]],
      ] as const) {
        await assert.rejects(way.send(url, permits), { code: "egress-refused" }, url);
      }
      assert.equal(way.hits.length, 0);
      const written = readConnections(way.log, 100);
      assert.equal(written.length, 9);
      assert.ok(
        written.every(
          ({ outcome, sentBytes, address }) => outcome === "refused" && sentBytes === 0 && address === null,
        ),
      );
    }));

  // G49, G50: wherever an address inside is allowed as if it were outside.
  for (const host of [
    "127.0.0.1",
    "2130706433",
    "0x7f.1",
    "0",
    "127.1",
    "①②⑦.⓪.⓪.①",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "169.254.169.254",
    "10.0.0.1",
    "192.168.1.1",
    "[fd00:ec2::254]",
    "localhost",
  ]) {
    it(`does not lead to ${host}, which is inside (G49, G50)`, () =>
      check(async (way) => {
        const url = new URL(`http://${host}:${way.canary.port}/`);
        await assert.rejects(way.send(url.href, [{ origin: url.origin }]), { code: "egress-refused" });
        assert.throws(() => checkedEndpoint(url.href, false), { code: "egress-refused" });
        assert.equal(way.hits.length, 0);
      }));
  }

  it("never leads to where clouds keep credentials, whatever was allowed", () =>
    check(async (way) => {
      for (const host of ["169.254.169.254", "[fe80::1]", "[fd00:ec2::254]", "0.0.0.0", "[::ffff:169.254.169.254]"]) {
        const url = new URL(`http://${host}:${way.canary.port}/`);
        const permits = [{ origin: url.origin, mayBePrivate: true }];
        await assert.rejects(way.send(url.href, permits), { code: "egress-refused" }, host);
        assert.throws(() => checkedEndpoint(url.href, true), { code: "egress-refused" }, host);
      }
      const rebound = answering(["169.254.169.254"]);
      const permits = [{ origin: "http://metrics.example", mayBePrivate: true }];
      await assert.rejects(way.send("http://metrics.example/", permits, { resolve: rebound }), {
        code: "egress-refused",
      });
    }));

  it("looks at the address that it connects to: a name that is outside when it is checked and inside when it is used", () =>
    check(async (way) => {
      const { port } = way.canary;
      const permits = [{ origin: `http://public.example:${port}` }];
      const go = (resolve: Resolve) => way.send(`http://public.example:${port}/`, permits, { resolve });
      await assert.rejects(go(answering(["127.0.0.1"])), { code: "egress-refused" });
      // One address inside among others spoils all of them.
      await assert.rejects(go(answering(["192.0.2.1", "127.0.0.1"])), { code: "egress-refused" });
      await assert.rejects(go(answering(["::1"])), { code: "egress-refused" });
      const later = answering(["192.0.2.1"], ["127.0.0.1"]);
      const signal = AbortSignal.timeout(300);
      await assert.rejects(way.send(`http://public.example:${port}/`, permits, { resolve: later, signal }));
      assert.equal(later.asked, 1);
      assert.equal(way.hits.length, 0);
    }));

  it("follows no redirect: neither body nor headers are sent again (G52)", () =>
    check(async (way) => {
      for (const status of [301, 302, 303, 307, 308]) {
        way.answer = (_request, response) =>
          void response.writeHead(status, { Location: `${way.canary.origin}/again` }).end();
        assert.match(await way.send(way.canary.origin, [{ mayBePrivate: true }]), new RegExp(`^${status}`));
      }
      assert.equal(way.hits.length, 5);
      assert.ok(way.hits.every(({ url }) => url === "/"));
    }));

  it("sends a purpose that may be sent on only over https, and only outside", () =>
    check(async (way) => {
      const permits = [{ purpose: "hub", mayBePrivate: true, redirects: "public" }] as const;
      const go = (url: string) => way.send(url, permits, { purpose: "hub" });
      assert.equal(await go(way.canary.origin), "200 hello");
      for (const url of [
        "http://other.example/",
        "https://127.0.0.1/",
        "https://[::1]/",
        `https://localhost:${way.canary.port}/`,
      ]) {
        await assert.rejects(go(url), { code: "egress-refused" }, url);
      }
    }));

  it("ends an answer without end, and one that does not come", () =>
    check(async (way) => {
      const permits = [{ mayBePrivate: true }];
      way.answer = (_request, response) => void response.end("x".repeat(20_000));
      await assert.rejects(way.send(way.canary.origin, permits), { name: "EgressFailure", kind: "too-long" });
      way.answer = () => {};
      const limits = { ...LIMITS, answerMs: 100 };
      await assert.rejects(way.send(way.canary.origin, permits, { limits }), { kind: "too-slow" });
      way.answer = (_request, response) => void response.write("a");
      const slow = { ...LIMITS, windowMs: 100, bytesPerWindow: 10 };
      await assert.rejects(way.send(way.canary.origin, permits, { limits: slow }), { kind: "too-slow" });
      const [last, ...others] = readConnections(way.log, 10);
      assert.ok([last, ...others].every((record) => record?.outcome === "failed"));
    }));

  it("says that nobody answers", () =>
    check(async (way) => {
      const permits = [{ origin: "http://127.0.0.1:1", mayBePrivate: true }];
      await assert.rejects(way.send("http://127.0.0.1:1/", permits), { kind: "unreachable", message: "ECONNREFUSED" });
    }));

  it("keeps a log of bounded size, and reads it past a line that was cut off", () =>
    check(async (way) => {
      await way.send(way.canary.origin, [{ mayBePrivate: true }]);
      writeFileSync(way.log, `${readFileSync(way.log, "utf8")}{"at":"cut`, "utf8");
      assert.equal(readConnections(way.log, 10).length, 1);
      writeFileSync(way.log, `${"x".repeat(2 ** 20)}\n`);
      await way.send(way.canary.origin, [{ mayBePrivate: true }]);
      await way.send(way.canary.origin, [{ mayBePrivate: true }]);
      assert.ok(statSync(way.log).size < 2_000);
      assert.ok(statSync(`${way.log}.1`).size > 2 ** 20);
    }));

  it("leads to the own server by its port alone", async () => {
    const { signal } = new AbortController();
    await assert.rejects(fetchOwnServer(1, "@evil.example/", { signal }), /ECONNREFUSED|bad port|fetch failed/);
    await assert.rejects(fetchOwnServer(1, "//evil.example/", { signal }), /ECONNREFUSED|bad port|fetch failed/);
  });
});

describe("a permission to connect", function () {
  this.timeout(60_000);

  it("is kept for one purpose, replaced, withdrawn, and looked at again when it is used", async () => {
    await using folder = await tempFolder();
    using store = openStore(path.join(folder.dir, "kept.db"));
    const { settings } = store;
    const url = "https://one.example/v1/metrics";
    allow(settings, { purpose: "metrics", url, mayBePrivate: false }, 1);
    allow(settings, { purpose: "metrics", url: "https://two.example:4318", mayBePrivate: false }, 2);
    assert.deepEqual(
      permitsOf(settings).map(({ origin, redirects }) => [origin, redirects]),
      [["https://two.example:4318", "none"]],
    );
    assert.equal(withdraw(settings, "metrics", 3), true);
    assert.equal(withdraw(settings, "metrics", 3), false);
    assert.deepEqual(allowances(settings), []);
    const byHand = { purpose: "metrics", url: "http://127.0.0.1:22", mayBePrivate: false, allowedAt: "" };
    settings.put("egress", { allow: [byHand] }, 4);
    assert.throws(() => permitsOf(settings), { code: "egress-refused" });
  });

  it("does not come back with a backup", async () => {
    await using folder = await tempFolder();
    const places = prepareDataDir(path.join(folder.dir, "data"));
    {
      using store = openStore(places.database);
      allow(store.settings, { purpose: "metrics", url: "https://canary-5e1f.example/", mayBePrivate: false }, 1);
    }
    const backup = createBackup(places, path.join(folder.dir, "data-backups"), new Date(1));
    const to = path.join(folder.dir, "restored");
    restoreBackup(backup.dir, to);
    assert.equal(readFileSync(dataPlaces(to).database).includes("canary-5e1f"), false);
    // A server that finds its store damaged takes the backup by itself.
    writeFileSync(places.database, "no store");
    using store = openOrRestore(places, createLog({ level: "fatal", destination: places.log }));
    assert.deepEqual(allowances(store.settings), []);
  });

  // G49 to G51, when it is saved.
  for (const url of [
    "http://169.254.169.254/",
    "http://127.0.0.1:22",
    "http://[::1]/",
    "http://10.0.0.1",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0/",
    "http://127.1/",
    "http://①②⑦.⓪.⓪.①/",
    "https://localhost./",
    "file:///etc/passwd",
    "gopher://x/",
    "http://user:pw@host/",
    "http://example.com/",
    "x",
    "https://example.com/?token=1",
  ]) {
    it(`is refused for ${url} (G49 to G51)`, async () => {
      await using folder = await tempFolder();
      using store = openStore(path.join(folder.dir, "kept.db"));
      const wanted = { purpose: "metrics" as const, url, mayBePrivate: false };
      assert.throws(() => allow(store.settings, wanted, 1), { code: "egress-refused" });
      assert.deepEqual(allowances(store.settings), []);
    });
  }

  it("is given, shown and withdrawn from the command line", async () => {
    await using folder = await tempFolder();
    const kept = (...args: string[]) => runCli(["--data-dir", path.join(folder.dir, "data"), "egress", ...args]);
    assert.equal((await kept("allow", "metrics", "http://127.0.0.1:4318")).code, 1);
    assert.equal((await kept("allow", "metrics", "http://127.0.0.1:4318", "--private")).code, 0);
    const { stdout } = await kept("allowed", "--json");
    const { purposes } = JSON.parse(stdout) as { purposes: { purpose: string; to: string | null }[] };
    assert.equal(purposes.find(({ purpose }) => purpose === "metrics")?.to, "http://127.0.0.1:4318/");
    assert.equal((await kept("withdraw", "metrics")).code, 0);
    assert.equal((await kept("withdraw", "metrics")).code, 3);
    assert.deepEqual(JSON.parse((await kept("list", "--json")).stdout), { connections: [] });
  });
});
