import assert from "node:assert/strict";
import { join } from "node:path";
import { type HeadMove, type HeadWatch, watchHead } from "../../../tracker/head-watch.ts";
import { createRepository, type TestRepository } from "./repository.ts";

const DEADLINE_MS = 10_000;

interface Watched extends Disposable {
  readonly moves: readonly HeadMove[];
  /** Waits until so many moves were heard of. */
  heard(count: number): Promise<void>;
}

const watched = async (root: string, pollMs = 60_000): Promise<Watched> => {
  const moves: HeadMove[] = [];
  let wake: () => void = () => undefined;
  const watch: HeadWatch = watchHead(
    root,
    (move) => {
      moves.push(move);
      wake();
    },
    { debounceMs: 20, pollMs },
  );
  await watch.ready;
  return {
    moves,
    async heard(count) {
      while (moves.length < count) {
        await new Promise<void>((resolve, reject) => {
          const late = () => reject(new Error(`${moves.length} of ${count} moves heard`));
          const timer = setTimeout(late, DEADLINE_MS);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    [Symbol.dispose]: () => watch[Symbol.dispose](),
  };
};

/** After the steps, exactly one move to the commit that they end at is heard of. */
const check = (
  name: string,
  steps: (repository: TestRepository) => Promise<unknown>,
  folder: (repository: TestRepository) => Promise<string> = async (repository) => repository.root,
): void => {
  it(name, async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": "one\n" });
    await repository.commit("next", { "a.ts": "two\n" });
    const root = await folder(repository);
    const previous = await repository.git("-C", root, "rev-parse", "HEAD");
    using watch = await watched(root);
    await steps(repository);
    await watch.heard(1);
    const commit = await repository.git("-C", root, "rev-parse", "HEAD");
    assert.deepEqual(watch.moves.at(-1)?.commit, commit);
    assert.equal(watch.moves[0]?.previous, previous);
  });
};

describe("watchHead", () => {
  check("hears a commit", (repository) => repository.commit("more", { "a.ts": "three\n" }));
  check("hears an amend", (repository) => repository.git("commit", "-q", "--amend", "-m", "other"));
  check("hears a checkout", (repository) => repository.git("checkout", "-q", "HEAD~1"));
  check("hears a reset", (repository) => repository.git("reset", "-q", "--hard", "HEAD~1"));
  check("hears a branch moved by plumbing", (repository) => repository.git("update-ref", "refs/heads/main", "HEAD~1"));
  check(
    "hears a commit in a linked work tree",
    async (repository) => {
      await repository.write("linked/a.ts", "three\n");
      await repository.git("-C", "linked", "commit", "-qam", "linked");
    },
    async (repository) => {
      await repository.git("worktree", "add", "-q", "-b", "side", "linked");
      return join(repository.root, "linked");
    },
  );

  it("hears the first commit of a repository", async () => {
    await using repository = await createRepository();
    using watch = await watched(repository.root);
    const commit = await repository.commit("first", { "a.ts": "one\n" });
    await watch.heard(1);
    assert.deepEqual(watch.moves, [{ commit, previous: null }]);
  });

  it("finds a repository that is made later, by its poll", async () => {
    await using repository = await createRepository({ init: null });
    using watch = await watched(repository.root, 25);
    await repository.git("init", "-q", "-b", "main");
    // Whatever commit the first successful look sees, the next one is a move.
    for (let nCommits = 0; watch.moves.length === 0 && nCommits < 100; nCommits += 1) {
      await repository.commit(`commit ${nCommits}`, { "a.ts": `${nCommits}\n` });
    }
    assert.ok(watch.moves.length > 0);
  });

  it("keeps quiet when a checkout ends at the same commit", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": "one\n" });
    using watch = await watched(repository.root);
    await repository.git("checkout", "-qb", "same");
    const commit = await repository.commit("more", { "a.ts": "two\n" });
    await watch.heard(1);
    assert.deepEqual(
      watch.moves.map((move) => move.commit),
      [commit],
    );
  });

  it("says nothing after it was disposed of", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": "one\n" });
    const first = await watched(repository.root);
    using second = await watched(repository.root);
    first[Symbol.dispose]();
    await repository.commit("more", { "a.ts": "two\n" });
    await second.heard(1);
    assert.deepEqual(first.moves, []);
  });
});
