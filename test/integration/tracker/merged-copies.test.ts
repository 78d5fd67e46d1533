import assert from "node:assert/strict";
import { BASKET, FILLER, followRepository, type FollowedRepository, SNIPPET } from "./followed-repository.ts";

const WITH_SNIPPET = `${BASKET}\n${SNIPPET}`;

/** The code is on main with an older copy beside it; a branch starts there; then main takes the code out and keeps the copy. */
const begin = async (repository: FollowedRepository): Promise<void> => {
  await repository.commit("copy", { "src/b.ts": `${WITH_SNIPPET}\n${FILLER}` });
  await repository.write("lib/a.ts", WITH_SNIPPET);
  await repository.accept("s", "lib/a.ts", SNIPPET);
  await repository.commit("accept");
  await repository.look();
  await repository.git("checkout", "-qb", "side");
  await repository.commit("side", { "c.ts": FILLER });
  await repository.git("checkout", "-q", "main");
  await repository.commit("drop", { "lib/a.ts": null });
  await repository.look();
};

const inHead = async (repository: FollowedRepository): Promise<number> =>
  (await repository.see()).where.find(({ place }) => place === "head")?.tok ?? 0;

describe("code that one side of a merge took out", () => {
  it("does not live on in a copy that the other side never had", async () => {
    await using repository = await followRepository();
    await begin(repository);
    // Git sees the branch's file as renamed to the copy: they are nearly the same.
    await repository.commit("like it", { "src/b.ts": WITH_SNIPPET });
    await repository.git("merge", "-q", "--no-edit", "side");
    assert.equal(await inHead(repository), 0);
  });

  it("lives where the merge puts it back", async () => {
    await using repository = await followRepository();
    await begin(repository);
    await repository.git("merge", "-q", "--no-commit", "--no-ff", "side");
    await repository.commit("merge", { "lib/a.ts": WITH_SNIPPET });
    assert.equal(await inHead(repository), 1);
  });

  it("does not come back with a branch that never saw it go, where that takes in what main wrote since", async () => {
    await using repository = await followRepository();
    await repository.write("lib/a.ts", WITH_SNIPPET);
    await repository.accept("s", "lib/a.ts", SNIPPET);
    await repository.commit("accept");
    await repository.git("branch", "side");
    await repository.commit("drop", { "lib/a.ts": BASKET });
    const half = SNIPPET.split("\n")
      .slice(0, 4)
      .map((line) => `    ${line}`)
      .join("\n");
    await repository.commit("write something like it", { "lib/a.ts": `${BASKET}\n${half}\n}\n` });
    assert.equal(await inHead(repository), 0);
    await repository.git("checkout", "-q", "side");
    await repository.commit("side", { "c.ts": FILLER });
    await repository.git("merge", "-q", "--no-edit", "main");
    await repository.git("checkout", "-q", "main");
    await repository.git("merge", "-q", "--ff-only", "side");
    assert.equal(await inHead(repository), 0);
  });

  it("does not come back in parts with a branch that never held it", async () => {
    await using repository = await followRepository();
    await repository.git("branch", "old");
    await repository.write("lib/a.ts", WITH_SNIPPET);
    await repository.accept("s", "lib/a.ts", SNIPPET);
    await repository.commit("accept");
    await repository.commit("drop", { "lib/a.ts": BASKET });
    assert.equal((await repository.see()).tok, 0);
    await repository.git("checkout", "-q", "old");
    const half = SNIPPET.split("\n").slice(1, 6).join("\n");
    await repository.commit("something like it", { "c.ts": `function other(items, total) {\n${half}\n}\n` });
    await repository.git("checkout", "-q", "main");
    await repository.git("merge", "-q", "--no-edit", "old");
    assert.equal(await inHead(repository), 0);
  });
});
