import { askJson, type JsonRequest } from "../../egress/json-request.ts";
import { AppError } from "../../errors.ts";
import path from "node:path";
import { z } from "zod";

export type LlamaServer = Pick<JsonRequest, "egress" | "key" | "signal" | "limits"> & { readonly url: URL };

const adapters = z.array(z.object({ id: z.int(), path: z.string(), scale: z.number() })).max(1_000);

/**
 * Lets a llama.cpp server serve with one of the adapters that it was started with (`--lora file.gguf`), found by
 * the file's name, and with no other. Answers the adapters as they are then. @throws AppError `not-found`, `remote-invalid`, and those of `askJson`
 */
export async function serveLora(
  server: LlamaServer,
  fileName: string,
  scale: number,
): Promise<z.infer<typeof adapters>> {
  const request = { ...server, purpose: "model-server", url: new URL("/lora-adapters", server.url) } as const;
  const list = async (): Promise<z.infer<typeof adapters>> => {
    const read = adapters.safeParse(await askJson({ ...request, method: "GET" }));
    if (read.success) return read.data;
    throw new AppError("remote-invalid", `${server.url.host} does not list adapters as llama.cpp does.`);
  };
  const found = await list();
  if (!found.some((one) => path.basename(one.path) === fileName))
    throw new AppError("not-found", `The server at ${server.url.host} has no adapter ${fileName}.`, {
      hint: `Start it with --lora ${fileName}; llama.cpp loads no adapter while it runs.`,
    });
  const scaleOf = (one: { readonly path: string }): number => (path.basename(one.path) === fileName ? scale : 0);
  const body = found.map((one) => ({ id: one.id, scale: scaleOf(one) }));
  await askJson({ ...request, method: "POST", body });
  const after = await list();
  if (after.every((one) => Math.abs(one.scale - scaleOf(one)) < 1e-6)) return after;
  throw new AppError("remote-invalid", `${server.url.host} did not take the scale.`);
}
