import assert from "node:assert/strict";
import { addressOf, isInternalAddress } from "../../../server/egress/address.ts";
import { hubToken, resolveHubUrl } from "../../../server/hub/hub-settings.ts";
import { modelFiles, type ListedFile } from "../../../server/hub/model-files.ts";

describe("a hub's address", () => {
  it("is inside for loopback, private, link-local and unusable ranges in every spelling", () => {
    const inside =
      "127.0.0.1 127.9.9.9 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1 169.254.169.254 100.64.0.1 224.0.0.1 " +
      "255.255.255.255 :: ::1 fc00::1 fd12::1 fe80::1 ff02::1 ::ffff:127.0.0.1 ::ffff:7f00:1 64:ff9b::7f00:1";
    assert.deepEqual(
      inside.split(" ").filter((address) => !isInternalAddress(address)),
      [],
    );
    const outside = "1.1.1.1 172.15.0.1 172.32.0.1 192.169.0.1 100.128.0.1 169.253.0.1 2606:4700::1111 ::ffff:8.8.8.8";
    assert.deepEqual(
      outside.split(" ").filter((address) => isInternalAddress(address)),
      [],
    );
  });
  it("is read out of a URL however it is written", () => {
    const address = (url: string) => addressOf(new URL(url));
    assert.equal(address("https://0x7f.1/"), "127.0.0.1");
    assert.equal(address("https://[::1]:8080/"), "::1");
    assert.equal(address("https://example.com/"), null);
  });
  it("comes from the flag, then the environment, then the public hub, and is https unless it is inside", () => {
    const env = { KEPT_HUB_URL: "https://one.example", HF_ENDPOINT: "https://two.example" };
    assert.equal(resolveHubUrl("https://flag.example", env).host, "flag.example");
    assert.equal(resolveHubUrl(undefined, env).host, "one.example");
    assert.equal(resolveHubUrl(undefined, { HF_ENDPOINT: env.HF_ENDPOINT }).host, "two.example");
    assert.equal(resolveHubUrl(undefined, {}).host, "huggingface.co");
    assert.equal(resolveHubUrl("http://10.0.0.5:8080/hub", {}).port, "8080");
    for (const refused of [
      "http://example.com",
      "ftp://example.com",
      "x",
      "https://u:p@example.com",
      "https://a.example/?x",
    ])
      assert.throws(() => resolveHubUrl(refused, {}), { code: "invalid" }, refused);
  });
  it("gets a token from the environment alone, and none that would break a header", () => {
    assert.equal(hubToken({}), null);
    assert.equal(hubToken({ HF_TOKEN: " hf_x " }), "hf_x");
    assert.equal(hubToken({ KEPT_HUB_TOKEN: "a", HF_TOKEN: "b" }), "a");
    assert.throws(
      () => hubToken({ HF_TOKEN: "a\nHost: evil" }),
      (error: Error & { code?: string }) => error.code === "invalid" && !error.message.includes("evil"),
    );
  });
});

describe("a model's files", () => {
  const oid = "a".repeat(40);
  const file = (path: string, more: Partial<ListedFile> = {}): ListedFile => ({
    type: "file",
    path,
    size: 5,
    oid,
    ...more,
  });
  const names = (files: readonly ListedFile[]) => modelFiles(files).map(({ name }) => name);

  it("are those on the list, weights once", () => {
    const listed = [
      "config.json",
      "model.safetensors",
      "consolidated.safetensors",
      "tokenizer.model",
      "x/config.json",
      "model.bin",
    ];
    assert.deepEqual(names(listed.map((name) => file(name))), ["config.json", "model.safetensors"]);
    const odd = ["config.json", "weights-fp16.safetensors", "LICENSE"];
    assert.deepEqual(names(odd.map((name) => file(name))), odd);
    assert.throws(() => names([file("config.json"), file("pytorch_model.bin")]), { code: "hub-invalid" });
    assert.throws(() => names([file("model.safetensors")]), { code: "hub-invalid" });
  });
  it("need a size and a hash that can be checked", () => {
    for (const more of [{ size: -1 }, { size: 1.5 }, { oid: "x" }, { oid: undefined }, { lfs: { oid, size: 5 } }])
      assert.throws(() => names([file("config.json"), file("model.safetensors", more)]), { code: "hub-invalid" });
  });
});
