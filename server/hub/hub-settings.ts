import { AppError } from "../errors.ts";
import { addressOf, isForbiddenAddress, isInternalAddress } from "../egress/address.ts";

const PUBLIC_HUB = "https://huggingface.co";

/** What the person names: --hub-url, then KEPT_HUB_URL, then HF_ENDPOINT. */
const namedHub = (flag: string | undefined, env: NodeJS.ProcessEnv): string | null =>
  flag ?? env["KEPT_HUB_URL"] ?? env["HF_ENDPOINT"] ?? null;

/** What the person names, then the model's file, then the public hub. @throws AppError `invalid` */
export function resolveHubUrl(flag: string | undefined, env: NodeJS.ProcessEnv, ofFile: string | null = null): URL {
  const text = namedHub(flag, env) ?? ofFile ?? PUBLIC_HUB;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !isAllowed(url))
    throw new AppError("invalid", `${text} is no address of a hub.`, {
      hint: "Use https, or http for a hub on this machine or a private address; no user name in it.",
    });
  return url;
}

/** True for an address that stands in a model's file alone. */
export const isHubOfFile = (flag: string | undefined, env: NodeJS.ProcessEnv, ofFile: string | null): boolean =>
  namedHub(flag, env) === null && ofFile !== null;

/** True for a hub that the user named: the public one is where nobody did. */
export const isNamedHub = (hubUrl: URL): boolean => hubUrl.origin !== PUBLIC_HUB;

/** A token, from the environment alone: an argument would be seen by every user of the machine. */
export function hubToken(env: NodeJS.ProcessEnv): string | null {
  const token = (env["KEPT_HUB_TOKEN"] ?? env["HF_TOKEN"] ?? "").trim();
  if (token !== "" && !/^[\x21-\x7e]+$/.test(token))
    throw new AppError("invalid", "The hub token in the environment has characters that no token has.");
  return token === "" ? null : token;
}

function isAllowed(url: URL): boolean {
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") return false;
  const address = addressOf(url);
  if (address !== null && isForbiddenAddress(address)) return false;
  if (url.protocol === "https:") return true;
  return url.protocol === "http:" && (url.hostname === "localhost" || (address !== null && isInternalAddress(address)));
}
