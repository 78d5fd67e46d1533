import { AppError } from "../../errors.ts";

/** A bucket, and who asks. Secrets come from the environment alone. */
export interface S3Settings {
  /** Scheme, host and port, and what stands before every key; the bucket is in the host or in the path. */
  readonly bucketUrl: URL;
  readonly bucket: string;
  /** Before every key, without a slash at either end. */
  readonly prefix: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
  /** The address without the bucket. */
  readonly endpoint: URL;
  /** Who named the endpoint: the person, then it may be on this machine or a private network; a model's file; nobody. */
  readonly namedBy: "person" | "file" | null;
}

export interface S3Flags {
  readonly bucket?: string | undefined;
  readonly prefix?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  readonly virtualHost?: boolean | undefined;
}

const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^(?:[A-Za-z0-9!_.*'()-]+(?:\/[A-Za-z0-9!_.*'()-]+)*)?$/;
const REGION = /^[a-z0-9-]{2,32}$/;

/** What a model's file says of it. */
export interface S3OfFile {
  readonly endpoint: string | null;
  readonly bucket: string | null;
  /** Empty where the file does not say. */
  readonly prefix: string;
  readonly region: string;
  readonly pathStyle?: boolean | undefined;
}

/**
 * Flags, then KEPT_S3_*, then the standard AWS_* variables (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION,
 * AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), then the model's file.
 * @throws AppError `invalid`
 */
export function s3Settings(flags: S3Flags, env: NodeJS.ProcessEnv, file: S3OfFile | null = null): S3Settings {
  const refuse = (what: string, hint: string): never => {
    throw new AppError("invalid", what, { hint });
  };
  const bucket = flags.bucket ?? env["KEPT_S3_BUCKET"] ?? file?.bucket ?? "";
  if (!BUCKET.test(bucket) || bucket.includes(".."))
    refuse(
      `${bucket || "Nothing"} is no name of a bucket.`,
      "Name it with --bucket, KEPT_S3_BUCKET, or s3.bucket of the model's file.",
    );
  const prefix = (flags.prefix ?? env["KEPT_S3_PREFIX"] ?? (file?.prefix || "kept")).replace(/^\/+|\/+$/g, "");
  if (!PREFIX.test(prefix) || prefix.split("/").includes(".."))
    refuse(`${prefix} cannot stand before keys.`, "Use letters, digits and slashes.");
  const region = flags.region ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? file?.region ?? "us-east-1";
  if (!REGION.test(region)) refuse(`${region} is no region.`, "Set AWS_REGION.");
  const byPerson = flags.endpoint ?? env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"];
  const named = byPerson ?? file?.endpoint ?? undefined;
  const isVirtual =
    flags.virtualHost === true ||
    (file?.pathStyle === undefined ? named === undefined && !bucket.includes(".") : !file.pathStyle);
  const endpoint = named ?? `https://s3.${region}.amazonaws.com`;
  const url = URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.search !== "" || url.hash !== "")
    throw new AppError("invalid", `${endpoint} is no address of an S3 server.`, {
      hint: "Write it as https://host:port.",
    });
  const bucketUrl = new URL(url);
  if (isVirtual) bucketUrl.hostname = `${bucket}.${url.hostname}`;
  else bucketUrl.pathname = `${url.pathname.replace(/\/+$/, "")}/${bucket}`;
  const [accessKeyId = "", secretAccessKey = ""] = [env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]];
  if (accessKeyId === "" || secretAccessKey === "")
    refuse("There is no key for S3.", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
  const sessionToken = env["AWS_SESSION_TOKEN"] || undefined;
  return {
    bucketUrl,
    bucket,
    prefix,
    region,
    accessKeyId,
    secretAccessKey,
    sessionToken,
    endpoint: url,
    namedBy: byPerson !== undefined ? "person" : named !== undefined ? "file" : null,
  };
}
