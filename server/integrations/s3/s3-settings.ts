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
  /** The person named the endpoint: then it may be on this machine or a private network. */
  readonly isNamed: boolean;
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

/**
 * Flags, then KEPT_S3_*, then the standard AWS_* variables: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION,
 * AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. @throws AppError `invalid`
 */
export function s3Settings(flags: S3Flags, env: NodeJS.ProcessEnv): S3Settings {
  const refuse = (what: string, hint: string): never => {
    throw new AppError("invalid", what, { hint });
  };
  const bucket = flags.bucket ?? env["KEPT_S3_BUCKET"] ?? "";
  if (!BUCKET.test(bucket) || bucket.includes(".."))
    refuse(`${bucket || "Nothing"} is no name of a bucket.`, "Name it with --bucket or KEPT_S3_BUCKET.");
  const prefix = (flags.prefix ?? env["KEPT_S3_PREFIX"] ?? "kept").replace(/^\/+|\/+$/g, "");
  if (!PREFIX.test(prefix) || prefix.split("/").includes(".."))
    refuse(`${prefix} cannot stand before keys.`, "Use letters, digits and slashes.");
  const region = flags.region ?? env["AWS_REGION"] ?? env["AWS_DEFAULT_REGION"] ?? "us-east-1";
  if (!REGION.test(region)) refuse(`${region} is no region.`, "Set AWS_REGION.");
  const named = flags.endpoint ?? env["AWS_ENDPOINT_URL_S3"] ?? env["AWS_ENDPOINT_URL"];
  const isVirtual = flags.virtualHost === true || (named === undefined && !bucket.includes("."));
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
    isNamed: named !== undefined,
  };
}
