import assert from "node:assert/strict";
import { endpointAddress, routeOf } from "../../../extension/suggest/endpoint/endpoint-address.ts";
import { modelOf } from "../../../extension/suggest/endpoint/endpoint-protocol.ts";

describe("the address of a model server", () => {
  const CASES: [string, "this machine" | "another" | "no-address" | "not-encrypted"][] = [
    ["http://127.0.0.1:8080", "this machine"],
    ["http://localhost:11434/v1", "this machine"],
    ["http://[::1]:8080/", "this machine"],
    ["http://2130706433:8080", "this machine"],
    ["https://models.example.org/v1", "another"],
    ["http://192.168.1.7:8000", "another"],
    ["http://100.100.1.1:8000", "another"],
    ["http://models.example.org", "not-encrypted"],
    ["http://localhost.example.org", "not-encrypted"],
    ["http://8.8.8.8", "not-encrypted"],
    ["http://169.254.169.254", "not-encrypted"],
    ["https://user:secret@models.example.org", "no-address"],
    ["https://models.example.org/?key=1", "no-address"],
    ["file:///etc/passwd", "no-address"],
    ["models.example.org", "no-address"],
  ];
  for (const [text, expected] of CASES) {
    it(`${text}: ${expected}`, () => {
      const address = endpointAddress(text);
      assert.equal(address.ok ? (address.isLoopback ? "this machine" : "another") : address.reason, expected);
    });
  }

  it("stands before the routes, however it ends", () => {
    for (const end of ["", "/", "/v1", "/v1/"])
      assert.equal(routeOf(new URL(`http://127.0.0.1:1${end}`), "/v1/models").href, "http://127.0.0.1:1/v1/models");
    assert.equal(routeOf(new URL("https://a.example/llm/v1"), "/infill").href, "https://a.example/llm/infill");
  });
});

describe("the way a model server is asked", () => {
  const auto = { model: "", protocol: "auto" } as const;
  const listed = (id: string, owner?: string) => ({ object: "list", data: [{ id, object: "model", owned_by: owner }] });
  const check = (answer: unknown, expected: unknown) => assert.deepEqual(modelOf(answer, auto), expected);

  it("follows what servers say of themselves", () => {
    check(listed("kept", "kept"), { name: "kept", protocol: "kept", dialect: "qwen2.5-coder" });
    check(listed("a.gguf", "llamacpp"), { name: "a.gguf", protocol: "infill", dialect: "none" });
    check(listed("qwen2.5-coder:0.5b", "library"), {
      name: "qwen2.5-coder:0.5b",
      protocol: "suffix",
      dialect: "qwen2.5-coder",
    });
    check(listed("Qwen/Qwen2.5-Coder-0.5B", "vllm"), {
      name: "Qwen/Qwen2.5-Coder-0.5B",
      protocol: "markers",
      dialect: "qwen2.5-coder",
    });
    check(listed("bigcode/starcoder2-3b"), {
      name: "bigcode/starcoder2-3b",
      protocol: "markers",
      dialect: "starcoder2",
    });
    check(listed("base", "vllm"), { name: "base", protocol: "markers", dialect: "none" });
    check(listed("unknown"), { name: "unknown", protocol: "suffix", dialect: "none" });
  });

  it("follows the person first", () => {
    assert.deepEqual(modelOf(listed("a", "llamacpp"), { model: "deepseek-coder", protocol: "markers" }), {
      name: "deepseek-coder",
      protocol: "markers",
      dialect: "deepseek-coder",
    });
  });

  it("is none for what is no list", () => {
    for (const answer of [null, [], {}, { data: [] }, { data: [{ id: 5 }] }, "<html>"]) check(answer, null);
  });
});
