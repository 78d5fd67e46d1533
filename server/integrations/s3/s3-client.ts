import { AwsClient } from "aws4fetch";
import type { Egress, EgressAnswer, EgressLimits, EgressRequest } from "../../egress/egress.ts";
import { EgressFailure } from "../../egress/egress.ts";
import { AppError } from "../../errors.ts";
import { listedIn, textsIn, type ListedKey } from "./s3-xml.ts";
import type { S3Settings } from "./s3-settings.ts";
import { createHash } from "node:crypto";

/** The calls that a push and a pull need, as S3 has them. Keys are relative to the prefix of the settings. */
export interface S3Client {
  /** Size of an object; null when there is none. */
  size(key: string): Promise<number | null>;
  put(key: string, bytes: Uint8Array): Promise<void>;
  /** Bytes of an object from an offset on. @throws AppError `not-found` */
  read(key: string, from: number, maxBytes: number): Promise<AsyncGenerator<Uint8Array>>;
  /** Keys with a prefix and their sizes, at most `limit`. */
  list(prefix: string, limit: number): Promise<readonly ListedKey[]>;
  /** An upload in parts that was begun and not ended, or a new one; `parts` is what is there of it. */
  openUpload(key: string): Promise<{ readonly id: string; readonly parts: ReadonlyMap<number, UploadedPart> }>;
  putPart(key: string, upload: string, number: number, bytes: Uint8Array): Promise<UploadedPart>;
  completeUpload(key: string, upload: string, parts: readonly UploadedPart[]): Promise<void>;
}

export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
  readonly bytes: number;
}

export type S3Limits = Omit<EgressLimits, "maxBytes">;
/** A bucket that answers within a minute, also after eight megabytes, and brings 1 KB/s. */
export const S3_LIMITS: S3Limits = { answerMs: 60_000, windowMs: 30_000, bytesPerWindow: 30_000 };

/** Longest answer that is no object, bytes: a page of 1,000 keys has a third of it. */
const MAX_ANSWER_BYTES = 2 ** 20;
/** A page of a list, and as many pages as are read. */
const PAGE_KEYS = 1_000;

/** @throws from each call AppError `remote-unreachable`, `remote-unauthorized`, `remote-invalid`, `not-found`, `egress-refused` */
export function createS3Client(
  settings: S3Settings,
  egress: Egress,
  signal: AbortSignal,
  limits = S3_LIMITS,
): S3Client {
  const { bucketUrl, prefix, region, accessKeyId, secretAccessKey, sessionToken } = settings;
  const signer = new AwsClient({
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: "s3",
    region,
    retries: 0,
  });

  interface Call {
    readonly method: EgressRequest["method"];
    readonly key?: string;
    readonly query?: Readonly<Record<string, string>>;
    readonly body?: Uint8Array;
    readonly from?: number;
    readonly maxBytes?: number;
  }

  const fullKey = (key: string): string => (prefix === "" ? key : `${prefix}/${key}`);

  async function send({
    method,
    key,
    query = {},
    body,
    from = 0,
    maxBytes = MAX_ANSWER_BYTES,
  }: Call): Promise<EgressAnswer> {
    const url = new URL(bucketUrl);
    const path = key === undefined ? "/" : `/${fullKey(key).split("/").map(encodeURIComponent).join("/")}`;
    url.pathname = url.pathname.replace(/\/$/, "") + path;
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    const sha256 = createHash("sha256")
      .update(body ?? new Uint8Array())
      .digest("hex");
    const signed = await signer.sign(url.href, {
      method,
      headers: { "X-Amz-Content-Sha256": sha256, ...(from > 0 ? { Range: `bytes=${from}-` } : {}) },
    });
    const headers = Object.fromEntries(signed.headers);
    const answer = await egress
      .request({
        purpose: "s3",
        // Signed as it is written there: nothing is encoded anew.
        url: new URL(signed.url),
        method,
        headers,
        ...(body === undefined ? {} : { body }),
        limits: { ...limits, maxBytes },
        signal,
      })
      .catch((error: unknown) => {
        throw failed(error);
      });
    return answer;
  }

  /** The whole answer as text, when its status is one of success. */
  async function text(call: Call): Promise<{ readonly text: string; readonly answer: EgressAnswer }> {
    const answer = await send(call);
    const body = await whole(answer);
    if (answer.status < 200 || answer.status > 299) throw refusal(answer.status, body, call.key);
    return { text: body, answer };
  }

  async function whole(answer: EgressAnswer): Promise<string> {
    const pieces: Uint8Array[] = [];
    for await (const piece of failingAs(answer.body)) pieces.push(piece);
    return Buffer.concat(pieces).toString("utf8");
  }

  async function* failingAs(body: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
    try {
      yield* body;
    } catch (error) {
      throw failed(error);
    }
  }

  function failed(error: unknown): unknown {
    signal.throwIfAborted();
    if (error instanceof AppError) return error;
    if (error instanceof EgressFailure && error.kind === "too-long")
      return new AppError("remote-invalid", `${bucketUrl.host} ${error.message}.`, { cause: error });
    return new AppError("remote-unreachable", `${bucketUrl.host} cannot be used: ${(error as Error).message}.`, {
      cause: error,
      hint: "Check the endpoint and the network, then run the command again: it goes on where it stopped.",
    });
  }

  function refusal(status: number, body: string, key: string | undefined): AppError {
    const code = textsIn(body, "Code")[0]?.slice(0, 60) ?? "";
    const about = `${settings.bucket}${key === undefined ? "" : `/${fullKey(key)}`}`;
    if (status === 401 || status === 403)
      return new AppError("remote-unauthorized", `The bucket refuses ${about} (${status} ${code}).`, {
        hint: "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, and what the key may do.",
      });
    if (status === 404) return new AppError("not-found", `There is no ${about} (${code || "404"}).`);
    if (status >= 300 && status < 400)
      return new AppError("remote-invalid", `The server redirects (${status}); nothing was sent there.`, {
        hint: "Name the bucket's own region or endpoint.",
      });
    return new AppError(
      status >= 500 ? "remote-unreachable" : "remote-invalid",
      `The server answered ${status} ${code} for ${about}.`.replace("  ", " "),
      {
        hint: "Run the command again: it goes on where it stopped.",
      },
    );
  }

  const header = ({ headers }: EgressAnswer, name: string): string | undefined =>
    headers.find(([one]) => one === name)?.[1];

  const one = (xml: string, name: string): string => {
    const found = textsIn(xml, name)[0];
    if (found === undefined || found === "")
      throw new AppError("remote-invalid", `${bucketUrl.host} does not answer as S3 does.`, {
        hint: "Check the endpoint; a proxy or a login page may be answering instead.",
      });
    return found;
  };

  return {
    async size(key) {
      const answer = await send({ method: "HEAD", key });
      answer.cancel();
      if (answer.status === 404) return null;
      if (answer.status !== 200) throw refusal(answer.status, "", key);
      const bytes = Number(header(answer, "content-length"));
      return Number.isSafeInteger(bytes) ? bytes : null;
    },
    async put(key, bytes) {
      const { answer } = await text({ method: "PUT", key, body: bytes });
      if (header(answer, "etag") === undefined) throw noS3(bucketUrl);
    },
    async read(key, from, maxBytes) {
      const answer = await send({ method: "GET", key, from, maxBytes });
      if (answer.status === (from > 0 ? 206 : 200)) return failingAs(answer.body);
      const body = answer.status >= 400 ? await whole(answer) : "";
      answer.cancel();
      if (answer.status === 200)
        throw new AppError("remote-invalid", `${bucketUrl.host} ignores the range that was asked.`);
      throw refusal(answer.status, body, key);
    },
    async list(start, limit) {
      const keys: ListedKey[] = [];
      let token = "";
      do {
        const query = { "list-type": "2", prefix: fullKey(start), "max-keys": String(PAGE_KEYS) };
        const { text: xml } = await text({
          method: "GET",
          query: token === "" ? query : { ...query, "continuation-token": token },
        });
        const page = listedIn(xml);
        if (page === null) throw noS3(bucketUrl);
        keys.push(
          ...page.keys.map(({ key, bytes }) => ({ key: prefix === "" ? key : key.slice(prefix.length + 1), bytes })),
        );
        // A server that says the same token again would be asked for ever.
        if (page.next === token) break;
        token = page.next;
      } while (token !== "" && keys.length < limit);
      return keys.slice(0, limit);
    },
    async openUpload(key) {
      const { text: xml } = await text({ method: "GET", query: { uploads: "", prefix: fullKey(key) } });
      const keys = textsIn(xml, "Key");
      const ids = textsIn(xml, "UploadId");
      const begun = ids.filter((_, i) => keys[i] === fullKey(key)).at(-1);
      if (begun !== undefined) {
        const { text: list } = await text({ method: "GET", key, query: { uploadId: begun } });
        const [numbers, etags, sizes] = ["PartNumber", "ETag", "Size"].map((name) => textsIn(list, name));
        const parts = new Map(
          numbers!.map((number, i) => [
            Number(number),
            { number: Number(number), etag: etags![i] ?? "", bytes: Number(sizes![i]) },
          ]),
        );
        return { id: begun, parts };
      }
      const { text: made } = await text({ method: "POST", key, query: { uploads: "" } });
      return { id: one(made, "UploadId"), parts: new Map() };
    },
    async putPart(key, upload, number, bytes) {
      const { answer } = await text({
        method: "PUT",
        key,
        query: { partNumber: String(number), uploadId: upload },
        body: bytes,
      });
      const etag = header(answer, "etag");
      if (etag === undefined) throw noS3(bucketUrl);
      return { number, etag, bytes: bytes.length };
    },
    async completeUpload(key, upload, parts) {
      const body = parts.map(
        ({ number, etag }) => `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(etag)}</ETag></Part>`,
      );
      const { text: xml } = await text({
        method: "POST",
        key,
        query: { uploadId: upload },
        body: Buffer.from(`<CompleteMultipartUpload>${body.join("")}</CompleteMultipartUpload>`),
      });
      // It may fail after it said 200.
      if (textsIn(xml, "ETag").length === 0) throw refusal(500, xml, key);
    },
  };
}

const escapeXml = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const noS3 = ({ host }: URL): AppError =>
  new AppError("remote-invalid", `${host} does not answer as S3 does.`, {
    hint: "Check the endpoint; a proxy or a login page may be answering instead.",
  });
