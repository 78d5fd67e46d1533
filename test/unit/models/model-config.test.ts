import fc from "fast-check";
import assert from "node:assert/strict";
import { DEFAULT_CAPS } from "../../../core/datasets/caps.ts";
import { DEFAULT_FRACTIONS } from "../../../core/datasets/split.ts";
import { DEFAULT_GATE } from "../../../core/evaluation/gate.ts";
import { DEFAULT_LABEL_TABLE } from "../../../core/labels/label-table.ts";
import { DEFAULT_SCHEDULE } from "../../../core/schedule.ts";
import { modelConfigSchema } from "../../../server/models/model-config.ts";
import { describeProblem, parseYaml } from "../../../server/models/yaml-source.ts";

const parse = (text: string) => parseYaml(text, "c.yaml", modelConfigSchema);

/** What is said of a file, line by line. */
function check(what: string, text: string, expected: readonly string[]): void {
  it(what, () => {
    const parsed = parse(text);
    assert.deepEqual(parsed.ok ? [] : parsed.problems.map(describeProblem), expected);
  });
}

describe("a model's file", () => {
  it("is complete with a name: everything else is the default that the stages have", () => {
    const parsed = parse("name: mine\n");
    assert.ok(parsed.ok);
    const { value } = parsed;
    assert.equal(value.strategy, "lora");
    assert.deepEqual(value.gate, DEFAULT_GATE);
    assert.deepEqual({ ...value.schedule, strategy: value.strategy }, DEFAULT_SCHEDULE);
    assert.deepEqual(value.dataset.caps, DEFAULT_CAPS);
    assert.deepEqual(value.dataset.split, DEFAULT_FRACTIONS);
    assert.equal(value.labels, null);
    const said = parse("name: mine\nlabels: {}\n");
    const { version: _, ...table } = DEFAULT_LABEL_TABLE;
    assert.deepEqual(said.ok && said.value.labels, table);
    for (const service of [value.mlflow, value.labelStudio, value.s3, value.huggingFace])
      assert.equal(service.enabled, false);
  });

  check("names the key that was likely meant", "name: mine\ntraining:\n  learning_rate: 0.001\n  stesp: 5\n", [
    "c.yaml:3:3: training.learning_rate: there is no such key (did you mean learningRate?)",
    "c.yaml:4:3: training.stesp: there is no such key (did you mean steps?)",
  ]);
  check("suggests nothing for what is like nothing", "name: mine\nxylophone: 1\n", [
    "c.yaml:2:1: xylophone: there is no such key",
  ]);
  check("names the value that was likely meant", "name: mine\nstrategy: loar\n", [
    "c.yaml:2:1: strategy: one of in-context, lora, top-layers, full (did you mean lora?)",
  ]);
  check("names a wrong type", "name: mine\ngate:\n  minCases: many\n", [
    "c.yaml:3:3: gate.minCases: Invalid input: expected number, received string",
  ]);
  check("misses the name", "base: base\n", ["c.yaml:1:1: name: this key has to be there"]);
  check("points into a list", "name: mine\nlanguages: [typescript, Type Script]\n", [
    "c.yaml:2:25: languages.1: a language as VS Code names it: typescript, python",
  ]);
  check("refuses a key that comes twice", "name: mine\nname: yours\n", [
    "c.yaml:2:1: the file: Map keys must be unique",
  ]);
  check("refuses a password in an address", "name: mine\nmlflow:\n  trackingUri: http://me:secret@host:5000\n", [
    "c.yaml:3:3: mlflow.trackingUri: no user name or password in an address: they come from the environment",
  ]);
  check("refuses a time that no workflow knows", "name: mine\nci:\n  cron: 61 3 * * *\n", [
    "c.yaml:3:3: ci.cron: five fields as cron has them: minute hour day month weekday",
  ]);

  describe("refuses what cannot stand together:", () => {
    const conflict = (text: string, place: string, why: string): void =>
      check(why, `name: mine\n${text}`, [`c.yaml:${place}: ${why}`]);
    conflict(
      "strategy: in-context\nbackend: torch\n",
      "3:1: backend",
      "the strategy in-context trains nothing: leave the backend out",
    );
    conflict(
      "strategy: top-layers\ntraining: { rank: 8 }\n",
      "3:13: training.rank",
      "only the strategy lora has a rank",
    );
    conflict(
      "labels:\n  goodFrom: 0.3\n  badUpTo: 0.4\n",
      "4:3: labels.badUpTo",
      "a suggestion would be good and bad at once: badUpTo has to be below goodFrom",
    );
    conflict(
      "dataset:\n  split: { train: 0.8, validation: 0.3, test: 0.1 }\n",
      "3:3: dataset.split",
      "train, validation and test have to be 1 together",
    );
    conflict(
      "gate: { maxCases: 10 }\n",
      "2:1: gate.minCases",
      "more cases have to be there than are tested (maxCases), so nothing would ever be promoted",
    );
    conflict(
      "labelStudio: { enabled: true }\n",
      "2:16: labelStudio.enabled",
      "there is no server to send to: set labelStudio.url",
    );
    conflict("ci:\n  annotations: 20\n", "3:3: ci.annotations", "there is no address to tell: set ci.dispatchUrl");
  });

  it("answers anything with problems at places of the text, never with a crash", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.jsonValue().map((value) => JSON.stringify(value, null, 1)),
        ),
        (text) => {
          const parsed = parse(text);
          if (parsed.ok) return;
          const lines = text.split(/\r\n|\n/);
          assert.ok(parsed.problems.length > 0);
          for (const { line, column } of parsed.problems)
            assert.ok(line >= 1 && line <= lines.length && column >= 1, `${line}:${column}`);
        },
      ),
    );
  });
});
