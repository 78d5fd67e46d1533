import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { openConnectionLog } from "../../../server/egress/connection-log.ts";
import { openEgress } from "../../../server/egress/egress.ts";
import { serveLora } from "../../../server/integrations/llama-cpp/lora-adapters.ts";
import { loadLora } from "../../../server/integrations/vllm/lora-adapters.ts";
import { tempFolder } from "../../server/temp-folder.ts";

/** A server that answers by method and path, and remembers what it was sent. */
async function startDouble(answer: (call: string, body: unknown) => { status?: number; text: string }) {
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const text = Buffer.concat(pieces).toString();
    const call = `${request.method} ${request.url}`;
    seen.push(text === "" ? call : `${call} ${text}`);
    const made = answer(call, text === "" ? null : JSON.parse(text));
    response.writeHead(made.status ?? 200).end(made.text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const folder = await tempFolder();
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const permit = { purpose: "model-server", origin: url.origin, mayBePrivate: true, redirects: "none" } as const;
  const egress = openEgress({ permits: () => [permit], log: openConnectionLog(path.join(folder.dir, "egress.jsonl")) });
  return {
    at: { egress, url, signal: AbortSignal.timeout(20_000) },
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await folder[Symbol.asyncDispose]();
    },
  };
}

describe("adapters on other model servers", () => {
  it("llama.cpp: one adapter serves, the others do not", async () => {
    // As the server of xllamacpp 2026.10.11549 answers; test/integrations/llama-cpp.test.ts asks that one.
    const scales = [1, 0.5];
    await using double = await startDouble((call, body) => {
      if (call === "POST /lora-adapters")
        for (const { id, scale } of body as { id: number; scale: number }[]) scales[id] = scale;
      if (call === "POST /lora-adapters") return { text: '{"success":true}' };
      return {
        text: JSON.stringify(
          scales.map((scale, id) => ({ id, path: `/srv/lora-${id}.gguf`, scale, task_name: "", prompt_prefix: "" })),
        ),
      };
    });
    const after = await serveLora(double.at, "lora-1.gguf", 0.8);
    assert.deepEqual(
      after.map(({ scale }) => scale),
      [0, 0.8],
    );
    assert.ok(double.seen.includes('POST /lora-adapters [{"id":0,"scale":0},{"id":1,"scale":0.8}]'));
  });

  it("vLLM: loads an adapter, in the place of one of that name", async () => {
    // As vLLM's page on LoRA adapters describes the calls; no vLLM was asked.
    const names = new Set(["base"]);
    await using double = await startDouble((call, body) => {
      const { lora_name: name } = (body ?? {}) as { lora_name?: string };
      if (call === "POST /v1/load_lora_adapter") {
        if (names.has(name!)) return { status: 400, text: '{"error":{"message":"already loaded","code":400}}' };
        names.add(name!);
        return { text: `Success: LoRA adapter '${name}' added successfully.` };
      }
      if (call === "POST /v1/unload_lora_adapter") {
        names.delete(name!);
        return { text: `Success: LoRA adapter '${name}' removed successfully.` };
      }
      return {
        text: JSON.stringify({
          object: "list",
          data: [...names].map((id) => ({ id, object: "model", owned_by: "vllm" })),
        }),
      };
    });
    for (let i = 0; i < 2; i++)
      assert.deepEqual(await loadLora(double.at, "kept-1", "/srv/kept-1"), ["base", "kept-1"]);
    assert.equal(double.seen.filter((call) => call.includes("unload")).length, 1);
    assert.ok(double.seen.includes('POST /v1/load_lora_adapter {"lora_name":"kept-1","lora_path":"/srv/kept-1"}'));
  });
});
