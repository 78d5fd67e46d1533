import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { v7 as uuidv7 } from "uuid";
import type { KeptEvent } from "../../../protocol/events.ts";
import { openSink } from "../../../server/adoption/sink.ts";
import { sampleSession, shownWith } from "../../server/sample-events.ts";
import { runCli } from "../../server/server-process.ts";
import { tempFolder } from "../../server/temp-folder.ts";
import { createRepository, type TestRepository } from "../tracker/repository.ts";

const DAY = 86_400_000;
const FUNCTION = (name: string): string =>
  `export function ${name}(items) {\n  const chosen = items.filter((item) => item.${name}Count > 0);\n  return chosen.map((item) => item.${name}Price * 2);\n}\n`;

describe("kept survival", () => {
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let repo: TestRepository;
  beforeEach(async () => {
    folder = await tempFolder();
    repo = await createRepository();
  });
  afterEach(async () => {
    await repo[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  const data = () => path.join(folder.dir, "data");
  const kept = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(["--data-dir", data(), ...args]);
    return { code, stderr, stdout, json: stdout.startsWith("{") ? JSON.parse(stdout) : null };
  };
  const store = async (events: readonly KeptEvent[]) => {
    using sink = await openSink(data());
    await sink.takeEvents(events);
  };
  /** A suggestion that was accepted, and was seen later as `30:1 60:0:fix`: day, share left, cause. */
  const life = (seen: string, fields: Parameters<typeof shownWith>[2] = {}): KeptEvent[] => {
    const session = sampleSession();
    const id = uuidv7();
    const shown = shownWith(session, id, { root: "/nowhere", completion: FUNCTION("alpha"), ...fields });
    const later = seen.split(" ").map((look) => {
      const [day, tokens, cause] = look.split(":");
      const at = Number(day) * DAY;
      const place = Number(tokens) < 0.1 ? ("nowhere" as const) : ("head" as const);
      return {
        ...session.of("survived", id, { afterMs: at, tokens: Number(tokens), place, ...(cause ? { cause } : {}) }),
        wallMs: shown.wallMs + at,
      };
    });
    return [shown, session.of("accepted", id), ...later];
  };

  it("estimates curves by model, language and length, with causes", async () => {
    await store([
      ...life("0:1 10:0:fix", { adapter: "v1" }),
      ...life("0:1 20:0:revert", { adapter: "v1" }),
      ...life("0:1 40:1", { adapter: "v2" }),
      ...life("0:1 40:1", { adapter: "v2", completion: "const answer = 42;" }),
    ]);
    const { code, json, stderr } = await kept("survival", "--json", "--no-baseline");
    assert.equal(code, 0, stderr);
    assert.equal(json.all.nSnippets, 4);
    assert.deepEqual(
      json.all.at.map(({ day, survival }: { day: number; survival: { value: number } }) => [day, survival.value]),
      [
        [7, 1],
        [14, 0.75],
        [30, 0.5],
        [90, null],
      ],
    );
    assert.equal(json.all.halfLifeDays.value, 20);
    assert.deepEqual(
      json.groups.map(({ name, summary }: { name: string; summary: { nSnippets: number; nEnded: number } }) => [
        name,
        summary.nSnippets,
        summary.nEnded,
      ]),
      [
        ["v1", 2, 2],
        ["v2", 2, 0],
      ],
    );
    const shares = json.all.causes.reduce((sum: number, { share }: { share: number }) => sum + share, 0);
    assert.equal(shares + json.all.curve.at(-1).survival, 1);
    const byLength = await kept("survival", "--by", "length", "--json", "--no-baseline");
    assert.deepEqual(byLength.json.groups.map(({ name }: { name: string }) => name).sort(), [
      "1–9 tokens",
      "30–99 tokens",
    ]);
    const people = await kept("survival", "--by", "cause", "--no-baseline");
    assert.match(people.stdout, /fix +1 +25 %/);
    assert.match(people.stdout, /all accepted code +4 +2 +20\.0 d/);
  });

  it("counts code that came back as alive, and what was never committed as not lost", async () => {
    await store([...life("0:1 2:0:revert 3:1 30:1"), ...life("9:0")]);
    const { json } = await kept("survival", "--json", "--no-baseline");
    assert.deepEqual([json.all.nSnippets, json.all.nEnded], [2, 0]);
  });

  it("draws the curves", async () => {
    await store([...life("0:1 10:0:fix"), ...life("0:1 40:1"), ...life("0:1 30:1", { adapter: "<v&2>" })]);
    const file = path.join(folder.dir, "curves.svg");
    assert.equal((await kept("survival", "--svg", file, "--no-baseline")).code, 0);
    const svg = await readFile(file, "utf8");
    assert.match(svg, /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox="0 0 960 540"/);
    assert.match(svg, /prefers-color-scheme:dark/);
    assert.match(svg, /&lt;v&amp;2&gt;/);
    assert.equal(/NaN|Infinity|undefined/.test(svg), false);
    assert.equal((await kept("survival", "--svg", path.join(folder.dir, "no", "x.svg"), "--no-baseline")).code, 1);
  });

  it("stands code of people beside it, from the same repository", async () => {
    await repo.commit("Begin", { "a.js": FUNCTION("first"), "b.js": FUNCTION("second") });
    const words = ["river", "stone", "cloud", "ember", "maple", "otter", "pearl", "quill"];
    for (const [at, word] of words.entries()) {
      const lines = words.map(
        (other) => `export const ${word}To${other} = ${word}Table.${other} + ${at} * ${other}Rate;`,
      );
      await repo.commit(`Add ${word}`, { [`c${at}.js`]: `${lines.join("\n")}\n` });
    }
    await repo.commit("Drop", { "c1.js": null, "c2.js": null });
    await store(
      life("0:1 40:1", { root: repo.root, path: "a.js", completion: FUNCTION("first") }).map((event) =>
        event.kind === "shown" ? { ...event, context: { ...event.context, language: "javascript" } } : event,
      ),
    );
    const { code, json, stderr } = await kept("survival", "--json", "--repo", repo.root);
    assert.equal(code, 0, stderr);
    const { summary, widened } = json.baseline;
    assert.equal(widened, true);
    assert.ok(summary.nSnippets >= 8, `${summary.nSnippets}`);
    assert.ok(summary.nEnded >= 1);
    assert.ok(summary.curve.at(-1).survival < 1);
  });

  it("says where code stands with nothing running before", async () => {
    await repo.commit("Begin", { "README.md": "# Demo\n" });
    await repo.write("src/total.js", FUNCTION("total"));
    const added = await kept("generation", "add", "--file", path.join(repo.root, "src/total.js"), "--json");
    const [id] = added.json.suggestionIds;
    const show = async () => (await kept("survival", "show", id, "--repo", repo.root, "--json")).json;
    const uncommitted = await show();
    assert.deepEqual([uncommitted.state, uncommitted.retained.tokens], [{ kind: "alive", in: "worktree" }, 1]);
    assert.deepEqual([uncommitted.retained.strict, uncommitted.retained.fourGrams], [1, 1]);
  });

  it("follows imported code through history, with causes", async () => {
    await repo.commit("Begin", { "README.md": "# Demo\n" });
    const commit = await repo.commit("Add totals", { "src/total.js": FUNCTION("total") + FUNCTION("other") });
    await repo.commit("Move it", {
      "src/total.js": null,
      "lib/sum.js": `// moved\n${FUNCTION("other")}${FUNCTION("total")}`,
    });
    const end = await repo.commit("fix: do not count", {
      "lib/sum.js": `// moved\n${FUNCTION("other")}export const total = () => 0;\n`,
    });
    const record = {
      version: "0.1.0",
      id: uuidv7(),
      timestamp: new Date(1_700_003_600_000).toISOString(),
      vcs: { type: "git", revision: commit },
      files: [
        {
          path: "src/total.js",
          conversations: [
            {
              contributor: { type: "ai", model_id: "x/y" },
              ranges: [
                { start_line: 1, end_line: 4 },
                { start_line: 5, end_line: 8 },
              ],
            },
          ],
        },
      ],
    };
    const traces = path.join(folder.dir, "traces.json");
    const { writeFile } = await import("node:fs/promises");
    await writeFile(traces, JSON.stringify(record));
    const { json } = await kept("import", "agent-trace", traces, "--repo", repo.root, "--json");
    const [gone, alive] = await Promise.all(
      json.suggestionIds.map(
        async (id: string) => (await kept("survival", "show", id, "--repo", repo.root, "--json")).json,
      ),
    );
    assert.equal(gone.state.kind, "dead", JSON.stringify(gone));
    assert.deepEqual([gone.losses[0].commit, gone.losses[0].cause], [end, "fix"]);
    assert.deepEqual([alive.retained.tokens, alive.places[0].files], [1, ["lib/sum.js"]]);
    const said = await kept("survival", "show", json.suggestionIds[0], "--repo", repo.root);
    assert.match(said.stdout, /lost +\d+ % after .*fix in /);
    const report = await kept("survival", "--json", "--no-baseline");
    assert.deepEqual([report.json.all.nSnippets, report.json.all.nEnded], [2, 1], report.stdout);
    assert.equal(report.json.groups[0].name, "agent-trace/x/y");
  });

  it("says what it cannot answer", async () => {
    assert.equal((await kept("survival", "--json")).code, 3);
    await store(life("0:1", { root: folder.dir }));
    assert.equal((await kept("survival", "show", uuidv7())).code, 3);
    const { events } = { events: life("0:1", { root: folder.dir }) };
    await store(events);
    const [first] = events;
    assert.ok(first);
    const nowhere = await kept("survival", "show", first.suggestionId, "--repo", folder.dir);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.stderr, /git-unavailable/);
    assert.equal((await kept("survival", "--by", "moon")).code, 2);
    assert.equal((await kept("survival", "--since", "-1")).code, 2);
  });
});
