import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createBufferFollower, settleNow } from "../../../core/survival/buffer-follower.ts";
import {
  type FollowedFolder,
  followHere,
  type Following,
  type FollowingHost,
  type SurvivalNews,
} from "../../../tracker/following.ts";
import { diffSequences } from "../../../tracker/sequence-diff.ts";
import { threadOfTracker } from "../../support/survival/thread-of-tracker.ts";
import { BASKET, DEADLINE_MS, SNIPPET } from "./followed-repository.ts";
import { createRepository, type TestRepository } from "./repository.ts";

const CRASHING = path.resolve(import.meta.dirname, "../../support/survival/crashing-thread.ts");
/** The thread from {@link CRASHING} ends with a rename to this. */
const CRASH = "crash-now";
const code = { sid: "s", file: "a.ts", text: SNIPPET, line: null, before: "" };

/** A repository with a folder that is followed, and all that was told. */
interface Followed extends AsyncDisposable {
  readonly repository: TestRepository;
  readonly following: Following;
  readonly folder: FollowedFolder;
  readonly log: string | null;
  readonly told: SurvivalNews[];
  readonly messages: string[];
  /** Text of documents that are open and not saved. */
  readonly open: Map<string, string>;
  /** Waits until something like that was told. */
  heard(isIt: (news: SurvivalNews) => boolean): Promise<SurvivalNews>;
  again(): Promise<FollowedFolder>;
  /** Looks, and waits until all of it is told. */
  look(folder?: FollowedFolder): Promise<void>;
}

const follow = async (
  make: (log: (message: string) => void) => Following,
  keeping: "on-disk" | "in-memory" = "on-disk",
): Promise<Followed> => {
  const repository = await createRepository();
  await repository.commit("start", { "a.ts": BASKET });
  const storage = await mkdtemp(path.join(tmpdir(), "kept-following-"));
  const log = keeping === "on-disk" ? path.join(storage, "log") : null;
  const told: SurvivalNews[] = [];
  const messages: string[] = [];
  const open = new Map<string, string>();
  const news = new EventEmitter();
  const following = make((message) => messages.push(message));
  const host: FollowingHost = {
    openText: (file) => open.get(file) ?? null,
    changed(some) {
      told.push(...some);
      news.emit("news");
    },
    failed: (message) => messages.push(message),
  };
  const again = async (): Promise<FollowedFolder> => {
    const folder = await following.open({ root: repository.root, log, debounceMs: 20 }, host);
    assert.ok(folder);
    return folder;
  };
  const first = await again();
  return {
    repository,
    following,
    folder: first,
    async look(folder = first) {
      await folder.lookNow();
      await folder.told();
    },
    log,
    told,
    messages,
    open,
    again,
    async heard(isIt) {
      const signal = AbortSignal.timeout(DEADLINE_MS);
      for (;;) {
        const found = told.findLast(isIt);
        if (found !== undefined) return found;
        await once(news, "news", { signal });
      }
    },
    async [Symbol.asyncDispose]() {
      await following.close();
      await rm(storage, { recursive: true, force: true });
      await repository[Symbol.asyncDispose]();
    },
  };
};

const stateOf = ({ survival }: SurvivalNews): string => survival.state.kind;

const hosts: readonly [string, (log: (message: string) => void) => Following][] = [
  ["here", () => followHere()],
  ["in a thread", (log) => threadOfTracker(log)],
];

for (const [name, make] of hosts) {
  describe(`following code ${name}`, function () {
    this.timeout(2 * DEADLINE_MS);

    it("tells in order what becomes of it, and goes on after it was closed", async () => {
      await using followed = await follow(make);
      const { repository, folder, told } = followed;
      const { refused, head } = await folder.accept([code, { ...code, sid: "nothing", text: "()" }]);
      assert.deepEqual(refused, ["nothing"]);
      assert.equal(head, await repository.git("rev-parse", "HEAD"));
      await repository.commit("accept", { "a.ts": BASKET + SNIPPET });
      await followed.look();
      await repository.commit("drop", { "a.ts": BASKET });
      await followed.look();
      assert.deepEqual([...new Set(told.map(stateOf))], ["new", "alive", "dead"]);
      assert.equal(told.at(-1)?.survival.losses.length, 1);
      await folder.close();
      const reopened = await followed.again();
      assert.deepEqual(await reopened.snippets(), [{ sid: "s", file: "a.ts", text: SNIPPET }]);
      await repository.git("revert", "--no-edit", "HEAD");
      await followed.look(reopened);
      assert.equal(told.at(-1)?.survival.tok, 1);
      assert.deepEqual(followed.messages, []);
    });

    it("hears of a commit by itself", async () => {
      await using followed = await follow(make);
      await followed.folder.accept([code]);
      await followed.repository.commit("accept", { "a.ts": BASKET + SNIPPET });
      const { survival } = await followed.heard(({ survival: { where } }) =>
        where.some(({ place }) => place === "head"),
      );
      assert.equal(survival.tok, 1);
    });

    it("asks for the text of open documents", async () => {
      await using followed = await follow(make);
      const { repository, folder, open, told } = followed;
      await folder.accept([code]);
      await repository.commit("accept", { "a.ts": BASKET + SNIPPET });
      await followed.look();
      open.set("a.ts", BASKET + SNIPPET);
      await repository.commit("drop", { "a.ts": BASKET });
      await followed.look();
      assert.deepEqual(told.at(-1)?.survival.state, { kind: "alive", in: "buffer" });
    });

    it("follows a rename, and does not look for what was undone", async () => {
      await using followed = await follow(make);
      const { repository, folder, told } = followed;
      await folder.accept([code, { ...code, sid: "undone" }]);
      await folder.renamed("a.ts", "b.ts");
      await folder.undone("undone", true);
      assert.deepEqual(
        (await folder.snippets()).map(({ file }) => file),
        ["b.ts", "b.ts"],
      );
      await repository.commit("accept", { "b.ts": SNIPPET + SNIPPET, "a.ts": null });
      await followed.look();
      const headOf = (sid: string): boolean =>
        told.some(({ survival }) => survival.sid === sid && survival.where.some(({ place }) => place === "head"));
      assert.deepEqual([headOf("s"), headOf("undone")], [true, false]);
    });

    it("takes the place that the editor saw at a save", async () => {
      await using followed = await follow(make);
      const { repository, folder, told } = followed;
      await folder.accept([code]);
      // The same code stands above, by hand.
      const both = `${SNIPPET}\n${BASKET}\n${SNIPPET}`;
      const region = { start: both.length - SNIPPET.length, end: both.length };
      const buffer = createBufferFollower(diffSequences);
      buffer.follow({ suggestionId: "s", text: SNIPPET, region, before: "", after: "", acceptedAt: 0 });
      settleNow(buffer, both, 0);
      await folder.saved("a.ts", { text: both, places: buffer.places() });
      await repository.commit("both", { "a.ts": both });
      await followed.look();
      assert.equal(told.at(-1)?.survival.tok, 1);
      await repository.commit("the accepted one goes", { "a.ts": `${SNIPPET}\n${BASKET}` });
      await followed.look();
      assert.equal(
        told.at(-1)?.survival.where.some(({ place }) => place === "head"),
        false,
      );
    });

    it("forgets in an open folder, and in a log that is not open", async () => {
      await using followed = await follow(make);
      const { folder, following, log } = followed;
      assert.ok(log);
      await folder.accept([code, { ...code, sid: "other", file: "b.ts" }]);
      await folder.forget("s");
      assert.deepEqual(
        (await folder.snippets()).map(({ sid }) => sid),
        ["other"],
      );
      await folder.close();
      assert.deepEqual(await following.namesIn(log), [{ sid: "other", file: "b.ts" }]);
      assert.deepEqual(await following.forgetIn(log, ["other"]), [SNIPPET]);
      await assert.rejects(readdir(log), { code: "ENOENT" });
      assert.deepEqual(await following.namesIn(log), []);
    });

    it("is nothing for a folder outside of every repository", async () => {
      await using followed = await follow(make);
      const folder = await mkdtemp(path.join(tmpdir(), "kept-nowhere-"));
      const host = { openText: () => null, changed: () => undefined, failed: () => undefined };
      assert.equal(await followed.following.open({ root: folder, log: null }, host), null);
      await rm(folder, { recursive: true });
    });

    it("tells again what it saw since a moment", async () => {
      await using followed = await follow(make);
      const { repository, folder, following, log, told } = followed;
      await folder.accept([code]);
      await repository.commit("accept", { "a.ts": BASKET + SNIPPET });
      await followed.look();
      await folder.close();
      const seen = told.at(-1)?.survival;
      assert.ok(seen);
      const later: SurvivalNews[] = [];
      const host = { openText: () => null, changed: (news: readonly SurvivalNews[]) => void later.push(...news) };
      const wanted = { root: repository.root, log, toldFrom: seen.seenAt };
      const again = await following.open(wanted, { ...host, failed: () => undefined });
      await again?.close();
      assert.deepEqual(
        later.map(({ survival }) => survival),
        [seen],
      );
    });
  });
}

describe("the tracker's thread", function () {
  this.timeout(2 * DEADLINE_MS);
  const crashing = (log: (message: string) => void): Following => threadOfTracker(log, CRASHING);

  for (const keeping of ["on-disk", "in-memory"] as const) {
    it(`is started again when it ends on its own, and nothing that it knew ${keeping} is lost`, async () => {
      await using followed = await follow(crashing, keeping);
      const { repository, folder, told, messages } = followed;
      await folder.accept([code, { ...code, sid: "undone" }]);
      await folder.undone("undone", true);
      await repository.commit("accept", { "a.ts": SNIPPET + BASKET + SNIPPET });
      // Of two calls under way the one that ends the thread is given up the second time; the other is answered.
      const [crash, names] = await Promise.allSettled([folder.renamed("nowhere", CRASH), folder.snippets()]);
      assert.equal(crash.status, "rejected");
      assert.equal(names.status, "fulfilled");
      assert.equal(messages.length, 2, messages.join("\n"));
      await followed.look();
      const { survival } = await followed.heard(({ survival: { sid, where } }) => sid === "s" && where.length > 0);
      assert.deepEqual([survival.tok, survival.state.kind], [1, "alive"]);
      await repository.commit("drop", { "a.ts": BASKET });
      await followed.look();
      assert.equal(told.findLast((one) => one.survival.sid === "s")?.survival.state.kind, "dead");
      assert.ok(
        told.every((one) => one.survival.sid === "s" || !one.survival.where.some(({ place }) => place === "head")),
      );
    });
  }

  it("is given up when it ends again and again", async () => {
    await using followed = await follow(crashing);
    const { folder } = followed;
    await assert.rejects(folder.renamed("nowhere", CRASH), /ended/);
    await assert.rejects(folder.renamed("nowhere", CRASH), /ended/);
    await assert.rejects(folder.snippets(), /ended 4 times/);
  });
});
