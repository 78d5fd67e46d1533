import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { countProcesses } from "../../bench/survival/started-processes.ts";
import { BASKET, FILLER, followRepository, type FollowedRepository, SNIPPET } from "./followed-repository.ts";

/** Ids of the processes of git that this program has started and that wait to be asked for changes. */
const waitingProcesses = async (): Promise<number[]> => {
  const found: number[] = [];
  for (const name of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const parent = /\) \S (\d+)/.exec(await readFile(`/proc/${name}/stat`, "utf8").catch(() => ""))?.[1];
    if (Number(parent) !== process.pid) continue;
    if ((await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "")).includes("diff-tree"))
      found.push(Number(name));
  }
  return found;
};

const END_MS = 5_000;

const gone = async (pid: number): Promise<void> => {
  const deadline = AbortSignal.timeout(END_MS);
  while ((await waitingProcesses()).includes(pid)) assert.equal(deadline.aborted, false, "git still waits");
};

const committed = async (): Promise<FollowedRepository> => {
  const repository = await followRepository();
  await repository.accept("s", "a.ts", SNIPPET);
  await repository.commit("accept", { "a.ts": BASKET + SNIPPET });
  await repository.look();
  return repository;
};

const lookAfter = async (
  repository: FollowedRepository,
  message: string,
  files: Record<string, string | null>,
): Promise<number> => {
  await repository.commit(message, files);
  const { nProcesses } = await countProcesses(() => repository.look());
  return nProcesses;
};

/** The snippet without its last line but one: a quarter less of it. */
const SHORTER = SNIPPET.replace("  return Math.max(0, reduced);\n", "");

describe("git's process between looks", () => {
  // Which processes there are, only Linux says in files.
  if (process.platform === "linux") {
    it("serves one look after the other, and ends with the tracker", async () => {
      await using repository = await committed();
      const [pid] = await waitingProcesses();
      assert.ok(pid !== undefined);
      assert.equal(await lookAfter(repository, "less", { "a.ts": BASKET + SHORTER }), 0);
      assert.ok(((await repository.see()).tok ?? 1) < 1);
      assert.equal(await lookAfter(repository, "whole again", { "a.ts": BASKET + SNIPPET }), 0);
      assert.equal((await repository.see()).tok, 1);
      assert.deepEqual(await waitingProcesses(), [pid]);
      await repository.tracker.close();
      await gone(pid);
    });

    it("is started again when it ended on its own", async () => {
      await using repository = await committed();
      const [pid] = await waitingProcesses();
      assert.ok(pid !== undefined);
      process.kill(pid, "SIGKILL");
      await gone(pid);
      assert.equal(await lookAfter(repository, "less", { "a.ts": BASKET + SHORTER }), 1);
      const { tok, losses } = await repository.see();
      assert.ok((tok ?? 1) < 1);
      assert.equal(losses.length, 1);
    });

    it("leaves packs of objects that git throws away", async () => {
      await using repository = await committed();
      await repository.git("gc", "-q");
      const [pid] = await waitingProcesses();
      assert.ok(pid !== undefined);
      await repository.look();
      await gone(pid);
      assert.ok((await lookAfter(repository, "less", { "a.ts": BASKET + SHORTER })) > 0);
      assert.ok(((await repository.see()).tok ?? 1) < 1);
    });
  }

  for (const [name, file] of [
    ["of the work tree", ".gitattributes"],
    ["of a folder", "sources/.gitattributes"],
  ] as const) {
    it(`hears of attributes ${name} that say what is text`, async () => {
      await using repository = await followRepository({ files: { "sources/b.ts": FILLER } });
      await repository.accept("s", "sources/a.ts", SNIPPET);
      await repository.commit("accept", { "sources/a.ts": BASKET + SNIPPET });
      await repository.look();
      await lookAfter(repository, "attributes", { [file]: "*.ts -diff\n" });
      await lookAfter(repository, "less", { "sources/a.ts": BASKET + SHORTER });
      assert.deepEqual((await repository.see()).state, { kind: "unknown", reason: "binary" });
    });
  }
});
