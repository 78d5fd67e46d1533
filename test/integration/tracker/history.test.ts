import assert from "node:assert/strict";
import { join } from "node:path";
import {
  type HistoryPoint,
  MAX_POINTS_PER_COMMIT,
  MAX_POINTS_PER_FILE,
  MAX_PREFIX_CHARS,
  MAX_SUFFIX_CHARS,
} from "../../../core/history-point.ts";
import { mineHistory, type MineOptions } from "../../../tracker/history.ts";
import { createRepository, FIRST_COMMIT_SECONDS } from "./repository.ts";

const mine = async (repo: string, options: Partial<MineOptions> = {}): Promise<HistoryPoint[]> => {
  const points: HistoryPoint[] = [];
  for await (const point of mineHistory({ repo, signal: AbortSignal.timeout(15_000), ...options })) points.push(point);
  return points;
};

/** `count` functions of seven lines, each like no other. */
const functions = (name: string, count: number): string =>
  Array.from(
    { length: count },
    (_, at) => `export const ${name}${at} = (input: string): number => {
  const parts = input.split("${at}");
  const sizes = parts.map((part) => part.length + ${at});
  const total = sizes.reduce((sum, size) => sum + size, 0);
  return total * ${at + 1};
};
`,
  ).join("\n");

const START = `import { read } from "./read.ts";

export const main = () => {
  const text = read("input.txt");
  return text;
};
`;

describe("mineHistory", () => {
  it("gives the added line with what stood around it", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "src/main.ts": START });
    const commit = await repository.commit("log", {
      "src/main.ts": START.replace("  return text;", "  console.log(text.length);\n  return text;"),
    });
    const points = (await mine(repository.root)).filter((point) => point.commit === commit);
    assert.equal(points.length, 1);
    const [point] = points as [HistoryPoint];
    assert.equal(point.path, "src/main.ts");
    assert.equal(point.language, "typescript");
    assert.equal(point.line, 4);
    assert.equal(point.kind, "line");
    assert.equal(point.nHunkDeleted, 0);
    assert.equal(point.writtenAt, (FIRST_COMMIT_SECONDS + 3600) * 1000);
    const line = point.prefix.slice(point.prefix.lastIndexOf("\n") + 1);
    assert.equal(line.length, point.column);
    assert.equal(line + point.target, "  console.log(text.length);");
    assert.ok(point.prefix.startsWith('import { read } from "./read.ts";\n'));
    assert.equal(point.suffix, "\n  return text;\n};");
  });

  it("takes the suffix from the old file, so that nothing of the commit leaks", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": START });
    const commit = await repository.commit("two places", {
      "a.ts": `${START.replace('  const text = read("input.txt");', '  const text = read("other.txt").trim();')}\nexport const secretBelow = main().length + 1;\n`,
    });
    const points = (await mine(repository.root)).filter((point) => point.commit === commit);
    const rewritten = points.find((point) => point.line === 3);
    assert.ok(rewritten);
    assert.equal(rewritten.nHunkDeleted, 1);
    assert.equal(rewritten.suffix, "\n  return text;\n};");
    const appended = points.find((point) => point.line === 7);
    assert.equal(appended?.suffix, "");
    assert.ok(appended.prefix.includes('read("other.txt")'), "the prefix is of the new file");
  });

  it("holds every point to the file that the commit left", async () => {
    await using repository = await createRepository();
    for (let step = 1; step <= 6; step += 1) await repository.commit(`${step}`, { "a.ts": functions("step", step) });
    const points = await mine(repository.root);
    assert.ok(points.length >= 12, `${points.length} points`);
    for (const point of points) {
      const lines = (await repository.git("show", `${point.commit}:${point.path}`)).split("\n");
      const before = lines.slice(0, point.line).map((line) => `${line}\n`);
      const prefix = before.join("") + (lines[point.line] ?? "").slice(0, point.column);
      assert.ok(prefix.endsWith(point.prefix) && point.prefix.length === Math.min(prefix.length, MAX_PREFIX_CHARS));
      assert.ok(lines.join("\n").slice(prefix.length).startsWith(point.target), point.target);
      const nLines = point.target.split("\n").length;
      assert.ok(point.kind === "line" ? nLines === 1 : nLines >= 2 && nLines <= 5);
      assert.ok(point.suffix.length <= MAX_SUFFIX_CHARS);
    }
    assert.deepEqual(new Set(points.map((point) => point.kind)), new Set(["line", "block"]));
    assert.ok(
      points.some((point) => point.kind === "line" && /\S$/.test(point.prefix.split("\n").at(-1)?.trimEnd() ?? "")),
      "some cursors stand inside their line",
    );
  });

  it("is the same every time and has unique ids", async () => {
    await using repository = await createRepository();
    await repository.commit("one", { "a.ts": functions("first", 8), "b.ts": functions("second", 8) });
    await repository.commit("two", { "a.ts": functions("third", 8) });
    const points = await mine(repository.root);
    assert.deepEqual(await mine(repository.root), points);
    assert.equal(new Set(points.map((point) => point.id)).size, points.length);
  });

  it("goes from the oldest commit to the newest", async () => {
    await using repository = await createRepository();
    const commits: string[] = [];
    for (const name of ["ant", "bee", "cat"])
      commits.push(await repository.commit(name, { [`${name}.ts`]: functions(name, 2) }));
    const order = [...new Set((await mine(repository.root)).map((point) => point.commit))];
    assert.deepEqual(order, commits);
  });

  it("caps the points of a file and of a commit", async () => {
    await using repository = await createRepository();
    const files = Object.fromEntries(["a", "b", "c", "d", "e"].map((name) => [`${name}.ts`, functions(name, 10)]));
    await repository.commit("much", files);
    const points = await mine(repository.root);
    assert.equal(points.length, MAX_POINTS_PER_COMMIT);
    for (const path of Object.keys(files)) {
      assert.ok(points.filter((point) => point.path === path).length <= MAX_POINTS_PER_FILE);
    }
  });

  it("gives the newest points under a limit", async () => {
    await using repository = await createRepository();
    for (const name of ["ant", "bee", "cat", "dog"])
      await repository.commit(name, { [`${name}.ts`]: functions(name, 3) });
    const all = await mine(repository.root);
    for (const limit of [0, 1, 5, 7, 1_000]) {
      assert.deepEqual(await mine(repository.root, { limit }), limit === 0 ? [] : all.slice(-limit));
    }
  });

  it("gives what was committed since a time", async () => {
    await using repository = await createRepository();
    await repository.commit("old", { "old.ts": functions("old", 2) });
    await repository.commit("new", { "new.ts": functions("fresh", 2) });
    const points = await mine(repository.root, { since: (FIRST_COMMIT_SECONDS + 1800) * 1000 });
    assert.deepEqual(new Set(points.map((point) => point.path)), new Set(["new.ts"]));
  });

  it("keeps to the languages asked for", async () => {
    await using repository = await createRepository();
    await repository.commit("both", {
      "a.ts": functions("typed", 2),
      "b.py": "def add(left, right):\n    return left + right + 1\n",
      "c.txt": functions("text", 2),
    });
    const languages = async (asked?: string[]) =>
      new Set(
        (await mine(repository.root, asked === undefined ? {} : { languages: asked })).map((point) => point.language),
      );
    assert.deepEqual(await languages(), new Set(["typescript", "python"]));
    assert.deepEqual(await languages(["python"]), new Set(["python"]));
  });

  const skips = (name: string, files: Record<string, string>) =>
    it(`leaves out ${name}`, async () => {
      await using repository = await createRepository();
      await repository.commit("start", { "main.ts": START });
      const commit = await repository.commit(name, files);
      assert.deepEqual(
        (await mine(repository.root)).filter((point) => point.commit === commit),
        [],
      );
    });

  skips("vendored files", { "node_modules/x/a.ts": functions("x", 2), "vendor/b.ts": functions("y", 2) });
  skips("built and minified files", { "dist/a.js": functions("x", 2), "lib/a.min.js": functions("y", 2) });
  skips("files that say that they are generated", { "a.ts": `// @generated by a tool\n${functions("x", 2)}` });
  skips("code on endless lines", { "a.js": `var all = [${"call(1,2),".repeat(200)}];\n` });
  skips("snapshots and lock files", { "__snapshots__/a.ts": functions("x", 1), "package-lock.json": "{}\n" });
  skips("binary files under a code name", { "a.ts": "\0\u0001const a = b + c;\n" });
  skips("reformatting", { "main.ts": START.replaceAll("  ", "\t").replaceAll('"', "'").replaceAll(";", "") });
  skips("lines with nothing but brackets", { "main.ts": `${START}{\n}\n` });
  skips(
    "bulk commits",
    Object.fromEntries(Array.from({ length: 61 }, (_, at) => [`bulk/${at}.ts`, functions(`bulk${at}`, 1)])),
  );
  it("leaves out what a rename carries along", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "main.ts": functions("kept", 4) });
    await repository.git("mv", "main.ts", "renamed.ts");
    const commit = await repository.commit("rename", {
      "renamed.ts": `${functions("kept", 4)}\nconst added = kept1("x");\n`,
    });
    const points = (await mine(repository.root)).filter((point) => point.commit === commit);
    assert.deepEqual(
      points.map(({ path, prefix, column, target }) => [path, prefix.slice(prefix.length - column) + target]),
      [["renamed.ts", 'const added = kept1("x");']],
    );
  });

  it("leaves out merges, whose code their parents wrote", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "main.ts": START });
    await repository.git("checkout", "-qb", "side");
    const side = await repository.commit("side", { "side.ts": functions("side", 1) });
    await repository.git("checkout", "-q", "main");
    const other = await repository.commit("other", { "other.ts": functions("other", 1) });
    await repository.git("merge", "-q", "--no-ff", "-m", "merge", "side");
    const commits = new Set((await mine(repository.root)).map((point) => point.commit));
    assert.ok(commits.has(side) && commits.has(other));
    assert.ok(!commits.has(await repository.git("rev-parse", "HEAD")));
  });

  it("reads files with Windows line ends and odd names", async () => {
    await using repository = await createRepository();
    await repository.commit("crlf", { "größe und maß/a b.ts": functions("wide", 2).replaceAll("\n", "\r\n") });
    const points = await mine(repository.root);
    assert.ok(points.length > 0);
    assert.ok(points.every((point) => point.path === "größe und maß/a b.ts"));
    assert.ok(points.every((point) => !(point.prefix + point.target + point.suffix).includes("\r")));
  });

  it("mines a folder inside the repository with paths relative to it", async () => {
    await using repository = await createRepository();
    await repository.commit("both", { "one/a.ts": functions("one", 2), "two/b.ts": functions("two", 2) });
    const points = await mine(join(repository.root, "two"));
    assert.deepEqual(new Set(points.map((point) => point.path)), new Set(["b.ts"]));
  });

  it("is proof against settings that change what git prints", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": START });
    await repository.commit("more", { "a.ts": `${START}${functions("more", 2)}` });
    const points = await mine(repository.root);
    for (const [key, value] of [
      ["color.ui", "always"],
      ["diff.noprefix", "true"],
      ["diff.external", "false"],
      ["log.showSignature", "true"],
      ["log.showRoot", "false"],
      ["diff.context", "9"],
      ["format.pretty", "oneline"],
      ["diff.renames", "copies"],
    ] as const) {
      await repository.git("config", key, value);
    }
    assert.deepEqual(await mine(repository.root), points);
  });

  it("gives nothing for a repository without commits", async () => {
    await using repository = await createRepository();
    assert.deepEqual(await mine(repository.root), []);
  });

  it("fails for a folder that is no repository", async () => {
    await using repository = await createRepository({ init: null });
    await assert.rejects(mine(repository.root), { code: "git-failed" });
  });

  it("stops with the signal", async () => {
    await using repository = await createRepository();
    await repository.commit("start", { "a.ts": START });
    await assert.rejects(mine(repository.root, { signal: AbortSignal.abort() }), { code: "git-aborted" });
  });

  it("mines this project's own history", async () => {
    const points = await mine(join(import.meta.dirname, "../../.."), { limit: 40 });
    assert.equal(points.length, 40);
  });
});
