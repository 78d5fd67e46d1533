import { readLooseFile, readParents } from "../../../tracker/loose-objects.ts";
import { join } from "node:path";
import { createRepository } from "./repository.ts";
import assert from "node:assert/strict";

const FILES = { "a.ts": "const a = 1;\n", "lib/deep/é b.ts": "const b = 'é';\r\n", "lib/empty.ts": "" };

describe("objects that lie in files of their own", () => {
  it("give the files of a commit, and say what is none", async () => {
    await using repository = await createRepository();
    const commonDir = join(repository.root, ".git");
    const first = await repository.commit("first", FILES);
    const second = await repository.commit("second", { "a.ts": "const a = 2;\n" });
    for (const [path, text] of Object.entries(FILES)) {
      const found = await readLooseFile(commonDir, first, path);
      assert.equal(found.ok && found.content?.toString("utf8"), text);
    }
    const changed = await readLooseFile(commonDir, second, "a.ts");
    assert.equal(changed.ok && changed.content?.toString("utf8"), "const a = 2;\n");
    for (const path of ["b.ts", "lib", "lib/deep/none.ts", "a.ts/a.ts"])
      assert.deepEqual(await readLooseFile(commonDir, second, path), { ok: true, content: null }, path);
    assert.deepEqual(readParents(commonDir, second), [first]);
  });

  it("give no answer where git packed one of them", async () => {
    await using repository = await createRepository();
    const commonDir = join(repository.root, ".git");
    const first = await repository.commit("first", FILES);
    await repository.git("repack", "-adq");
    const second = await repository.commit("second", { "a.ts": "const a = 2;\n" });
    assert.equal((await readLooseFile(commonDir, first, "a.ts")).ok, false);
    assert.equal((await readLooseFile(commonDir, second, "a.ts")).ok, true);
    assert.equal((await readLooseFile(commonDir, second, "lib/empty.ts")).ok, false);
    assert.equal((await readLooseFile(commonDir, "0".repeat(40), "a.ts")).ok, false);
    assert.equal(readParents(commonDir, first), null);
  });
});
