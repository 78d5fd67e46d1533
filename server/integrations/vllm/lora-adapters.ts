import { askJson, type JsonRequest } from "../../egress/json-request.ts";
import { AppError } from "../../errors.ts";
import { z } from "zod";

export type VllmServer = Pick<JsonRequest, "egress" | "key" | "signal" | "limits"> & { readonly url: URL };

const models = z.object({ data: z.array(z.object({ id: z.string() })) });

/**
 * Lets a vLLM server load an adapter from a folder on its own machine, under a name that requests give as `model`.
 * The server runs with `--enable-lora` and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True. One of that name is unloaded
 * before. Answers the models that it lists then. @throws AppError `remote-invalid`, and those of `askJson`
 */
export async function loadLora(server: VllmServer, name: string, folder: string): Promise<readonly string[]> {
  const ask = (method: "GET" | "POST", route: string, body?: unknown) =>
    askJson({
      ...server,
      purpose: "model-server",
      url: new URL(route, server.url),
      method,
      ...(body === undefined ? {} : { body }),
    });
  const list = async (): Promise<string[]> => {
    const read = models.safeParse(await ask("GET", "/v1/models"));
    if (!read.success) throw new AppError("remote-invalid", `${server.url.host} does not list models as vLLM does.`);
    return read.data.data.map(({ id }) => id);
  };
  if ((await list()).includes(name)) await ask("POST", "/v1/unload_lora_adapter", { lora_name: name });
  await ask("POST", "/v1/load_lora_adapter", { lora_name: name, lora_path: folder });
  const after = await list();
  if (after.includes(name)) return after;
  throw new AppError("remote-invalid", `${server.url.host} does not list ${name} after it was loaded.`);
}
