import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Answers instead of the bucket; false lets the bucket answer. */
type Trick = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

export interface TestS3 extends AsyncDisposable {
  readonly url: string;
  readonly objects: Map<string, Buffer>;
  /** Method and path with query of each request. */
  readonly seen: string[];
  trick: Trick | null;
}

/**
 * A bucket on loopback with the calls that a push and a pull need, as SeaweedFS answers them: the same suite runs
 * against both. It checks the hash that each body was signed with, and that there is a signature of the key.
 */
export async function startTestS3(bucket: string, accessKey: string): Promise<TestS3> {
  const objects = new Map<string, Buffer>();
  const uploads = new Map<string, { readonly key: string; readonly parts: Map<number, Buffer> }>();
  const seen: string[] = [];
  let nextUpload = 1;
  const tag = (bytes: Buffer): string => `"${createHash("md5").update(bytes).digest("hex")}"`;
  const server = createServer((request, response) => {
    void answer(request, response);
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, "http://test");
    seen.push(`${request.method} ${request.url!}`);
    if (s3.trick?.(request, response, url.pathname)) return;
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const xml = (status: number, text: string) =>
      response
        .writeHead(status, { "Content-Type": "application/xml" })
        .end(`<?xml version="1.0" encoding="UTF-8"?>\n${text}`);
    const fail = (status: number, code: string) =>
      xml(status, `<Error><Code>${code}</Code><Message>${code}</Message></Error>`);
    const signature = new RegExp(
      `^AWS4-HMAC-SHA256 Credential=${accessKey}/\\d{8}/[a-z0-9-]+/s3/aws4_request, SignedHeaders=[a-z0-9;-]*x-amz-content-sha256[a-z0-9;-]*, Signature=[0-9a-f]{64}$`,
    );
    if (!signature.test(request.headers.authorization ?? "")) return void fail(403, "InvalidAccessKeyId");
    if (createHash("sha256").update(body).digest("hex") !== request.headers["x-amz-content-sha256"])
      return void fail(400, "XAmzContentSHA256Mismatch");
    if (!url.pathname.startsWith(`/${bucket}/`)) return void fail(404, "NoSuchBucket");
    const key = decodeURIComponent(url.pathname.slice(bucket.length + 2));
    const query = url.searchParams;
    const upload = uploads.get(query.get("uploadId") ?? "");
    const { method } = request;
    if (key === "" && query.has("uploads")) {
      const prefix = query.get("prefix") ?? "";
      const open = [...uploads].filter(([, one]) => one.key.startsWith(prefix));
      return void xml(
        200,
        `<ListMultipartUploadsResult>${open.map(([id, one]) => `<Upload><Key>${one.key}</Key><UploadId>${id}</UploadId></Upload>`).join("")}</ListMultipartUploadsResult>`,
      );
    }
    if (key === "") {
      list(query, xml);
      return;
    }
    if (method === "POST" && query.has("uploads")) {
      const id = `upload-${nextUpload++}`;
      uploads.set(id, { key, parts: new Map() });
      return void xml(
        200,
        `<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><Key>${key}</Key><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      );
    }
    if (query.has("uploadId") && (!upload || upload.key !== key)) return void fail(404, "NoSuchUpload");
    if (upload && method === "GET") {
      const parts = [...upload.parts].map(
        ([n, part]) =>
          `<Part><PartNumber>${n}</PartNumber><ETag>${tag(part).replaceAll('"', "&#34;")}</ETag><Size>${part.length}</Size></Part>`,
      );
      return void xml(
        200,
        `<ListPartsResult><UploadId>${query.get("uploadId")}</UploadId>${parts.join("")}</ListPartsResult>`,
      );
    }
    if (upload && method === "PUT") {
      upload.parts.set(Number(query.get("partNumber")), body);
      return void response.writeHead(200, { ETag: tag(body) }).end();
    }
    if (upload && method === "POST") {
      const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)</g)];
      if (numbers.some(([, n, etag]) => tag(upload.parts.get(Number(n)) ?? Buffer.alloc(0)) !== etag))
        return void fail(400, "InvalidPart");
      objects.set(key, Buffer.concat(numbers.map(([, n]) => upload.parts.get(Number(n))!)));
      uploads.delete(query.get("uploadId")!);
      return void xml(
        200,
        `<CompleteMultipartUploadResult><Key>${key}</Key><ETag>"x-2"</ETag></CompleteMultipartUploadResult>`,
      );
    }
    if (method === "PUT") {
      objects.set(key, body);
      return void response.writeHead(200, { ETag: tag(body) }).end();
    }
    const object = objects.get(key);
    if (!object) return void (method === "HEAD" ? response.writeHead(404).end() : fail(404, "NoSuchKey"));
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const range = from > 0 ? { "Content-Range": `bytes ${from}-${object.length - 1}/${object.length}` } : {};
    response.writeHead(from > 0 ? 206 : 200, { "Content-Length": object.length - from, ETag: tag(object), ...range });
    response.end(method === "HEAD" ? undefined : object.subarray(from));
  }

  function list(query: URLSearchParams, xml: (status: number, text: string) => unknown): void {
    const prefix = query.get("prefix") ?? "";
    const all = [...objects.keys()].filter((key) => key.startsWith(prefix)).toSorted();
    const after = query.get("continuation-token") ?? "";
    // Pages of two: a client that reads only the first one is seen.
    const page = all.filter((key) => key > after).slice(0, 2);
    const isTruncated = page.length > 0 && page.at(-1) !== all.at(-1);
    const contents = page.map(
      (key) => `<Contents><Key>${key}</Key><Size>${objects.get(key)!.length}</Size></Contents>`,
    );
    const next = isTruncated ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : "";
    xml(
      200,
      `<ListBucketResult><Name>${bucket}</Name><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join("")}</ListBucketResult>`,
    );
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const s3: TestS3 = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    seen,
    trick: null,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return s3;
}
