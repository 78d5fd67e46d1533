import assert from "node:assert/strict";
import { BASKET, FILLER, followRepository, type FollowedRepository, SNIPPET } from "./followed-repository.ts";

const WITH_SNIPPET = `${BASKET}\n${SNIPPET}`;

/** The code is on main with a copy beside it; a branch starts there; then main takes the code out and keeps the copy. */
const begin = async (repository: FollowedRepository): Promise<void> => {
  await repository.write("lib/a.ts", WITH_SNIPPET);
  await repository.accept("s", "lib/a.ts", SNIPPET);
  await repository.commit("accept");
  await repository.look();
  await repository.git("checkout", "-qb", "side");
  await repository.commit("side", { "c.ts": FILLER });
  await repository.git("checkout", "-q", "main");
  await repository.commit("copy", { "src/b.ts": `${WITH_SNIPPET}\n${FILLER}` });
  await repository.commit("drop", { "lib/a.ts": null });
  await repository.look();
};

describe("code that one side of a merge took out", () => {
  it("does not live on in a copy that the other side never had", async () => {
    await using repository = await followRepository();
    await begin(repository);
    // Git sees the branch's file as renamed to the copy: they are nearly the same.
    await repository.commit("like it", { "src/b.ts": WITH_SNIPPET });
    await repository.git("merge", "-q", "--no-edit", "side");
    const { where } = await repository.see();
    assert.equal(where.find(({ place }) => place === "head")?.tok ?? 0, 0);
  });

  it("lives where the merge puts it back", async () => {
    await using repository = await followRepository();
    await begin(repository);
    await repository.git("merge", "-q", "--no-commit", "--no-ff", "side");
    await repository.commit("merge", { "lib/a.ts": WITH_SNIPPET });
    const { where } = await repository.see();
    assert.equal(where.find(({ place }) => place === "head")?.tok, 1);
  });
});
