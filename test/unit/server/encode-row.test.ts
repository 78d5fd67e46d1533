import { loadTokenizer } from "../../../engine/tokenizer/tokenizer.ts";
import type { TrainingRow } from "../../../server/training/backend.ts";
import { encodeRow } from "../../../server/training/onnx/encode-row.ts";
import { createTinyModel } from "../../support/tiny-model.ts";
import assert from "node:assert/strict";
import path from "node:path";

describe("a dataset row as a training document", () => {
  const model = createTinyModel();
  const tokenizer = loadTokenizer(model.dir);
  after(() => model[Symbol.dispose]());

  const row = (fields: Partial<TrainingRow>): TrainingRow => ({
    suggestionId: "s",
    repository: "",
    path: "a.ts",
    prefix: "const x =\n",
    suffix: "",
    examples: [],
    completion: "1;",
    weight: 1,
    ...fields,
  });
  /** The text to be learnt, its end written out. */
  const learnt = (fields: Partial<TrainingRow>, maxTargets = 32) => {
    const { ids, targets } = encodeRow(tokenizer, row(fields), 256, maxTargets);
    assert.deepEqual(
      targets,
      targets.map((_, i) => targets[0]! + i),
      "the targets stand in one run",
    );
    assert.equal(targets.at(-1), ids.length - 1);
    return targets
      .map((i) => (ids[i] === tokenizer.special.endOfText ? "<end>" : tokenizer.decode([ids[i]!])))
      .join("");
  };

  it("ends at the end of a file", () => assert.equal(learnt({}), "1;<end>"));
  it("ends where the line goes on with its end", () => assert.equal(learnt({ suffix: "\nfoo();\n" }), "1;<end>"));
  it("ends before what closes the line", () => assert.equal(learnt({ suffix: ");\n}\n" }), "1;<end>"));
  it("takes the line end where the suffix begins with the next line", () =>
    assert.equal(learnt({ suffix: "foo();\n" }), "1;\n"));
  it("writes the line end as the model would, in one token with what stands before it", () => {
    const base = loadTokenizer(path.resolve(import.meta.dirname, "../../../models/base"));
    const { ids } = encodeRow(base, row({ completion: "next: 1,", suffix: "other: 2,\n" }), 256, 32);
    assert.equal(base.textOf(ids.at(-1)!), ",\n");
  });
  it("begins with what token healing owes", () => assert.equal(learnt({ prefix: "const x = " }), " 1;<end>"));
  it("learns no end of a completion that is cut", () => assert.equal(learnt({ completion: "12345678" }, 4), "1234"));
});
