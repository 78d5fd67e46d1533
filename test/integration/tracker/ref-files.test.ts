import { appendFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ListedRef, type PeeledTags, readRefFiles } from "../../../tracker/ref-files.ts";
import { listRefs } from "../../../tracker/refs.ts";
import { findRepository, type Repository } from "../../../tracker/repository.ts";
import { createRepository, type TestRepository } from "./repository.ts";
import assert from "node:assert/strict";

describe("refs from git's files", () => {
  it("are those that git lists, loose and packed, with tags of tags and symbolic refs", async () => {
    await using repository = await createRepository();
    await fill(repository);
    await check(repository, "loose");
    await repository.git("pack-refs", "--all");
    await check(repository, "packed");
    await repository.commit("second", { "a.ts": "const b = 2;\n" });
    await repository.git("branch", "-f", "team/feature", "HEAD");
    await repository.git("tag", "-d", "light");
    await repository.git("symbolic-ref", "refs/heads/moved", "refs/heads/main");
    await check(repository, "loose over packed");
  });

  it("name what a tag stands for once git has told of it", async () => {
    await using repository = await createRepository();
    await fill(repository);
    await repository.git("repack", "-adq");
    assert.equal(await read(repository), null, "a tag in a pack may be one of a commit or of another tag");
    const peeled: PeeledTags = new Map();
    const listed = await listRefs(await find(repository), peeled, AbortSignal.timeout(10_000));
    assert.deepEqual(await readRefFiles(await find(repository), peeled), sorted(listed));
  });

  for (const [why, spoil] of Object.entries<(repository: TestRepository) => Promise<unknown>>({
    "a file that is being written": ({ root }) => writeFile(join(root, ".git/refs/heads/new"), ""),
    "a symbolic ref of a symbolic ref": async ({ git }) => {
      await git("symbolic-ref", "refs/heads/one", "refs/heads/main");
      await git("symbolic-ref", "refs/heads/two", "refs/heads/one");
    },
    "a packed file that does not say what tags stand for": ({ root }) =>
      writeFile(join(root, ".git/packed-refs"), `${"1".repeat(40)} refs/tags/old\n`),
    "refs in another format": ({ root }) => writeFile(join(root, ".git/reftable"), ""),
  })) {
    it(`are left to git: ${why}`, async () => {
      await using repository = await createRepository();
      await fill(repository);
      assert.notEqual(await read(repository), null);
      await spoil(repository);
      assert.equal(await read(repository), null);
    });
  }

  it("pass over a ref that another process is about to write, and one that stands for nothing", async () => {
    await using repository = await createRepository();
    await fill(repository);
    const { root, git } = repository;
    const before = await read(repository);
    await appendFile(join(root, ".git/refs/heads/main.lock"), "");
    await git("symbolic-ref", "refs/remotes/upstream/HEAD", "refs/remotes/upstream/main");
    assert.deepEqual(await read(repository), before);
    await rm(join(root, ".git/refs/heads/main.lock"));
    await check(repository, "without the one that stands for nothing");
  });
});

const fill = async ({ commit, git }: TestRepository): Promise<void> => {
  await commit("first", { "a.ts": "const a = 1;\n" });
  await git("branch", "team/feature");
  await git("tag", "light");
  await git("tag", "-a", "v1", "-m", "one");
  await git("tag", "-a", "v1-signed-off", "-m", "of a tag", "v1");
  await git("update-ref", "refs/remotes/origin/main", "HEAD");
  await git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main");
  await git("update-ref", "refs/notes/commits", "HEAD");
};

const check = async (repository: TestRepository, story: string): Promise<void> => {
  const git = await listRefs(await find(repository), new Map(), AbortSignal.timeout(10_000));
  // Git names one object behind a tag of a tag, not the last.
  const commit = await repository.git("rev-parse", "v1-signed-off^{commit}");
  const expected = git.map((ref) => (ref.name === "refs/tags/v1-signed-off" ? { ...ref, commit } : ref));
  assert.deepEqual(await read(repository), sorted(expected), story);
};

const read = async (repository: TestRepository): Promise<ListedRef[] | null> =>
  readRefFiles(await find(repository), new Map());

const sorted = (refs: readonly ListedRef[]): ListedRef[] =>
  refs.toSorted((left, right) => (left.name < right.name ? -1 : 1));

const find = async ({ root }: TestRepository): Promise<Repository> => {
  const found = await findRepository(root);
  assert.ok(found.ok);
  return found.repository;
};
