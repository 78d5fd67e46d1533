import { AppError } from "../errors.ts";
import type { Context } from "hono";
import type { z } from "zod";

/** Nesting of JSON that is still read. */
const MAX_JSON_DEPTH = 32;
/** Bodies other than event batches. */
export const MAX_BODY_BYTES = 65_536;

/**
 * The JSON body of a request, parsed with `schema`.
 * @throws AppError `unsupported-type`, `too-large`, `malformed`, `invalid`
 */
export async function readJson<S extends z.ZodType>(
  c: Context,
  schema: S,
  maxBytes: number = MAX_BODY_BYTES,
): Promise<z.infer<S>> {
  const text = await readJsonText(c, maxBytes);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError("malformed", "The body is not valid JSON.", { cause });
  }
  return parseWith(schema, value);
}

/**
 * The body of a request that says it is JSON, within the limits of size and nesting, not yet parsed.
 * @throws AppError `unsupported-type`, `too-large`, `malformed`
 */
export async function readJsonText(c: Context, maxBytes: number): Promise<string> {
  const type = c.req.header("Content-Type")?.split(";", 1)[0]?.trim().toLowerCase();
  const encoding = c.req.header("Content-Encoding");
  if (type !== "application/json" || (encoding !== undefined && encoding !== "identity")) {
    throw new AppError("unsupported-type", "The body has to be sent as application/json, without an encoding.");
  }
  const text = await readText(c.req.raw, maxBytes);
  if (nestsDeeperThan(text, MAX_JSON_DEPTH)) {
    throw new AppError("malformed", `The JSON nests deeper than ${MAX_JSON_DEPTH} levels.`);
  }
  return text;
}

/** Parses what a client sent. @throws AppError `invalid`, naming the first field that is wrong. */
export function parseWith<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new AppError("invalid", describeIssues(parsed.error));
}

/** The first problem, for a person: `field: what is wrong`. Values are not repeated. */
export function describeIssues(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return "The value has the wrong shape.";
  return `${issue.path.map(String).join(".") || "value"}: ${issue.message}`;
}

/** Counts while it streams, so that no announced length has to be believed. */
async function readText(request: Request, maxBytes: number): Promise<string> {
  const tooLarge = () => new AppError("too-large", `The body is larger than ${maxBytes} bytes.`);
  if (Number(request.headers.get("content-length") ?? 0) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let nBytes = 0;
  if (request.body !== null) {
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      nBytes += chunk.byteLength;
      if (nBytes > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    throw new AppError("malformed", "The body is not valid UTF-8.", { cause });
  }
}

/** Looks at brackets outside strings only, without building anything. */
export function nestsDeeperThan(json: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const char = json.charCodeAt(i);
    if (inString) {
      if (char === 0x5c) i++;
      else if (char === 0x22) inString = false;
    } else if (char === 0x22) inString = true;
    else if (char === 0x5b || char === 0x7b) {
      if (++depth > limit) return true;
    } else if (char === 0x5d || char === 0x7d) depth--;
  }
  return false;
}
