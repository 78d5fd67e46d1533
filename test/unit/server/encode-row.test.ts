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

  describe("with lines that are not known yet", () => {
    const text = "let a = 1;\nlet b = 2;\n";
    const encoded = (known: Set<string>, completion = "3;") =>
      encodeRow(tokenizer, row({ prefix: `${text}let c = `, completion }), 256, 16, { known, maxTargets: 48 });
    const texts = ({ ids, targets }: ReturnType<typeof encoded>) =>
      targets.map((i) => (ids[i] === tokenizer.special.endOfText ? "<end>" : tokenizer.decode([ids[i]!]))).join("");

    it("learns them before the completion, and less", () => {
      const document = encoded(new Set());
      assert.equal(texts(document), `${text} 3;<end>`);
      assert.deepEqual(
        document.targetWeights,
        document.targets.map((_, i) => (i < text.length ? 0.5 : 1)),
      );
    });
    it("learns no line twice, nor the unfinished one", () => {
      const known = new Set(["let b = 2;"]);
      assert.equal(texts(encoded(known)), "let a = 1;\n 3;<end>");
      assert.equal(texts(encoded(known)), " 3;<end>");
      assert.equal(known.has("let c ="), false);
    });
    it("knows what a completion wrote, and weighs its later lines less", () => {
      const known = new Set<string>(["let a = 1;", "let b = 2;"]);
      const document = encoded(known, "3;\nd();");
      assert.equal(known.has("d();"), true);
      assert.deepEqual(document.targetWeights!.slice(-8), [1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5]);
    });
    it("has only so many targets, those nearest to the cursor", () => {
      const document = encodeRow(tokenizer, row({ prefix: `${text}let c = ` }), 256, 4, {
        known: new Set(),
        maxTargets: 12,
      });
      assert.equal(texts(document), " b = 2;\n 1;<end>");
    });
  });
});
