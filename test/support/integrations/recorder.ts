import { createServer, request as sendTo, type IncomingMessage } from "node:http";
import { createHash } from "node:crypto";
import type { AddressInfo } from "node:net";

/** One request and its answer, as they are kept. */
export interface Exchange {
  readonly method: string;
  /** Path with its query, as it was sent. */
  readonly target: string;
  /** The JSON of the body; of other bytes their number and sha256; null without a body. */
  readonly body: unknown;
  readonly status: number;
  readonly type: string;
  /** The JSON of the answer, other bytes in base64 under `bytes`. */
  readonly answer: unknown;
}

export interface Recording {
  /** What answered: `mlflow 3.17.2`. */
  readonly server: string;
  readonly exchanges: readonly Exchange[];
}

export interface RunningServer extends AsyncDisposable {
  readonly url: string;
}

/** Replaces what says something of the machine or the moment, in requests and answers alike. */
export type Scrub = (text: string) => string;

/** A proxy on loopback that passes every request on to `target` and keeps what was said. */
export async function startRecorder(
  target: string,
  scrub: Scrub = (text) => text,
): Promise<RunningServer & { readonly exchanges: Exchange[] }> {
  const exchanges: Exchange[] = [];
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = await readAll(incoming);
      const { status, type, bytes } = await passOn(target, incoming, body);
      exchanges.push({
        method: incoming.method!,
        target: scrub(incoming.url!),
        body: kept(body, incoming.headers["content-type"] ?? "", scrub),
        status,
        type,
        answer: kept(bytes, type, scrub, true),
      });
      outgoing.writeHead(status, type === "" ? {} : { "Content-Type": type }).end(bytes);
    })().catch((error: unknown) => outgoing.destroy(error as Error));
  });
  return { ...(await listening(server)), exchanges };
}

/**
 * Answers as it was recorded. Every request has to be the one that was recorded at this place of the
 * sequence; `problems` has what was not.
 */
export async function startReplay(
  recording: Recording,
  scrub: Scrub = (text) => text,
): Promise<RunningServer & { readonly problems: string[]; readonly left: () => number }> {
  const problems: string[] = [];
  let at = 0;
  const server = createServer((incoming, outgoing) => {
    void (async () => {
      const body = kept(await readAll(incoming), incoming.headers["content-type"] ?? "", scrub);
      const expected = recording.exchanges[at++];
      const said = JSON.stringify([incoming.method, scrub(incoming.url!), body]);
      const wanted = expected && JSON.stringify([expected.method, expected.target, expected.body]);
      if (expected === undefined || said !== wanted) {
        problems.push(`request ${at}: ${said}\nrecorded:  ${wanted ?? "nothing"}`);
        outgoing.writeHead(501).end();
        return;
      }
      const { bytes } = (expected.answer ?? {}) as { bytes?: string };
      const isJson = expected.type.includes("json");
      outgoing
        .writeHead(expected.status, { "Content-Type": expected.type })
        .end(isJson ? JSON.stringify(expected.answer) : Buffer.from(bytes ?? "", "base64"));
    })().catch((error: unknown) => outgoing.destroy(error as Error));
  });
  return { ...(await listening(server)), problems, left: () => recording.exchanges.length - at };
}

async function listening(server: ReturnType<typeof createServer>): Promise<RunningServer> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function readAll(message: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of message) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function passOn(target: string, incoming: IncomingMessage, body: Buffer) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; type: string; bytes: Buffer }>();
  const url = new URL(incoming.url!, target);
  const headers = { ...incoming.headers, host: url.host };
  sendTo(url, { method: incoming.method!, headers, agent: false }, (answer) => {
    readAll(answer).then(
      (bytes) => resolve({ status: answer.statusCode!, type: answer.headers["content-type"] ?? "", bytes }),
      reject,
    );
  })
    .on("error", reject)
    .end(body);
  return promise;
}

function kept(bytes: Buffer, type: string, scrub: Scrub, whole = false): unknown {
  if (bytes.length === 0) return null;
  if (type.includes("json")) return JSON.parse(scrub(bytes.toString("utf8")));
  if (whole) return { bytes: bytes.toString("base64") };
  return { bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}
