import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers instead of the hub; false lets the hub answer. */
type Trick = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

export interface PushHub extends AsyncDisposable {
  readonly url: URL;
  /** Files of the last commit of each repository, `models/owner/name` or `datasets/owner/name`. */
  readonly repos: Map<string, Map<string, Buffer>>;
  /** Method, path and token of each request. */
  readonly seen: string[];
  trick: Trick | null;
  /** Has the files of a folder as a public repository, which is read without a token. */
  publish(repo: string, dir: string): void;
}

/**
 * A hub on loopback that takes commits and gives them back, with the paths and shapes that @huggingface/hub 2.17.5
 * sends and reads: repos/create, preupload, the batch of large file storage, commit as NDJSON, tree, resolve.
 * Files over 1 KB, and all weights, are in large file storage. There is no public network where the tests run:
 * what the real hub answers is known from that library's types alone.
 */
export async function startPushHub(token: string): Promise<PushHub> {
  const repos = new Map<string, Map<string, Buffer>>();
  const commits = new Map<string, string>();
  const storage = new Map<string, Buffer>();
  const seen: string[] = [];
  const open = new Set<string>();
  const server = createServer((request, response) => void answer(request, response));
  const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
  const gitHash = (bytes: Buffer): string =>
    createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
  const isLarge = (name: string, size: number): boolean => name.endsWith(".safetensors") || size > 1_024;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = decodeURIComponent(request.url!.split("?")[0]!);
    seen.push(`${request.method} ${path} ${request.headers.authorization ?? "-"}`);
    if (hub.trick?.(request, response, path)) return;
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const json = (value: unknown, status = 200) =>
      void response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    const stored = /^\/storage\/([0-9a-f]{64})$/.exec(path)?.[1];
    if (stored !== undefined && request.method === "PUT") {
      if (sha256(body) !== stored) return void response.writeHead(400).end();
      storage.set(stored, body);
      return void response.writeHead(200).end();
    }
    if (stored !== undefined) return send(request, response, storage.get(stored));
    if (
      ![...open].some((repo) => path.includes(`/${repo.replace(/^models\//, "")}/`)) &&
      request.headers.authorization !== `Bearer ${token}`
    )
      return json({ error: "Unauthorized" }, 401);
    if (path === "/api/repos/create") {
      const { name, organization, type } = JSON.parse(body.toString()) as Record<string, string>;
      const repo = `${type ?? "model"}s/${organization ?? "me"}/${name}`;
      if (repos.has(repo)) return json({ error: "You already created this repo" }, 409);
      repos.set(repo, new Map());
      return json({ url: `http://hub/${repo}`, id: repo });
    }
    const api = /^\/api\/((?:models|datasets)\/[\w.-]+\/[\w.-]+)\/(preupload|commit|revision|tree)\/([\w.-]+)$/.exec(
      path,
    );
    if (api) return repository(api[1]!, api[2]!, body, json);
    const batch = /^\/(?:datasets\/)?([\w.-]+\/[\w.-]+)\.git\/info\/lfs\/objects\/batch$/.exec(path);
    if (batch) {
      const { objects } = JSON.parse(body.toString()) as { objects: { oid: string; size: number }[] };
      const href = (oid: string): string => `${hub.url.origin}/storage/${oid}`;
      return json({
        transfer: "basic",
        objects: objects.map((one) =>
          storage.has(one.oid) ? one : { ...one, actions: { upload: { href: href(one.oid), header: {} } } },
        ),
      });
    }
    const resolve = /^\/(datasets\/)?([\w.-]+\/[\w.-]+)\/resolve\/[\w.-]+\/(.+)$/.exec(path);
    const bytes = resolve && repos.get(`${resolve[1] ?? "models/"}${resolve[2]!}`)?.get(resolve[3]!);
    if (resolve && bytes && isLarge(resolve[3]!, bytes.length)) {
      storage.set(sha256(bytes), bytes);
      return void response.writeHead(302, { Location: `/storage/${sha256(bytes)}` }).end();
    }
    return send(request, response, bytes ?? undefined);
  }

  function repository(repo: string, what: string, body: Buffer, json: (value: unknown, status?: number) => void): void {
    const files = repos.get(repo);
    if (!files) return json({ error: "Repository not found" }, 404);
    if (what === "preupload") {
      const asked = JSON.parse(body.toString()) as { files: { path: string; size: number }[] };
      return json({
        files: asked.files.map((file) => ({
          path: file.path,
          uploadMode: isLarge(file.path, file.size) ? "lfs" : "regular",
        })),
      });
    }
    if (what === "commit") {
      files.clear();
      for (const line of body.toString().trim().split("\n")) {
        const { key, value } = JSON.parse(line) as { key: string; value: Record<string, string> };
        if (key === "file")
          files.set(value["path"]!, Buffer.from(value["content"]!, value["encoding"] as BufferEncoding));
        if (key === "lfsFile") files.set(value["path"]!, storage.get(value["oid"]!)!);
      }
      const commit = sha256(body).slice(0, 40);
      commits.set(repo, commit);
      return json({
        success: true,
        commitOid: commit,
        commitUrl: `http://hub/${repo}/commit/${commit}`,
        hookOutput: "",
      });
    }
    const sha = commits.get(repo) ?? "0".repeat(40);
    if (what === "revision") return json({ _id: "1", id: repo, sha, lastModified: "2026-01-01T00:00:00.000Z" });
    return json(
      [...files].map(([name, bytes]) => ({
        type: "file",
        path: name,
        size: bytes.length,
        oid: gitHash(bytes),
        ...(isLarge(name, bytes.length) ? { lfs: { oid: sha256(bytes), size: bytes.length, pointerSize: 130 } } : {}),
      })),
    );
  }

  function send(request: IncomingMessage, response: ServerResponse, bytes: Buffer | undefined): void {
    if (!bytes) return void response.writeHead(404, { "X-Error-Code": "EntryNotFound" }).end();
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    if (from === undefined)
      return void response.writeHead(200, { "Content-Length": bytes.length, ETag: '"x"' }).end(bytes);
    const end = to === "" ? bytes.length - 1 : Math.min(Number(to), bytes.length - 1);
    const part = bytes.subarray(Number(from), end + 1);
    response
      .writeHead(206, {
        "Content-Range": `bytes ${from}-${end}/${bytes.length}`,
        "Content-Length": part.length,
        ETag: '"x"',
      })
      .end(part);
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const hub: PushHub = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`),
    repos,
    seen,
    trick: null,
    publish(repo, dir) {
      open.add(repo);
      repos.set(repo, new Map(readdirSync(dir).map((name) => [name, readFileSync(`${dir}/${name}`)])));
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return hub;
}
