import { AppError } from "../errors.ts";
import { addressOf, isForbiddenAddress, isInternalAddress } from "./address.ts";

/** What Kept may connect for. Nothing else leaves the machine. */
export const EGRESS_PURPOSES = {
  hub: "pull a base model, or pull and push adapters and datasets that you named (kept models pull, kept hub)",
  s3: "push and pull datasets, adapters and backups to and from a bucket that you named (kept remote)",
  "model-server": "let a llama.cpp or vLLM server that you named load an adapter (kept models load)",
  "python-packages": "install PyTorch with pip (the torch backend of kept train), which connects by itself",
  metrics: "send the server's metrics to an OTLP collector (kept egress allow metrics <url>)",
  mlflow: "log training runs and register model versions, with their adapters (kept mlflow connect <url>)",
  "label-studio": "ask people about suggestions, with the code around them (kept label-studio setup <url>)",
  ci: "start the training workflow after new human verdicts (kept egress allow ci <url>); no code is sent",
} as const;
export type EgressPurpose = keyof typeof EGRESS_PURPOSES;

/** What the user has allowed: one origin, for one purpose. Whoever makes one says in its place who said so. */
export interface EgressPermit {
  readonly purpose: EgressPurpose;
  /** Scheme, host and port, as `URL.origin` writes them. */
  readonly origin: string;
  /** The user named an address of this machine or of a private network, and meant it. */
  readonly mayBePrivate: boolean;
  /** Where the host may send a request on to: nowhere, or over https to any public host. */
  readonly redirects: "none" | "public";
}

/**
 * An address that the user wants to allow, looked at before it is kept: http or https, no user name in it,
 * and nothing on this machine or a private network unless that was said in so many words.
 * @throws AppError `egress-refused`
 */
export function checkedEndpoint(text: string, mayBePrivate: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const refuse = (what: string, hint: string): never => {
    throw new AppError("egress-refused", `${text.slice(0, 200)} ${what}.`, { hint });
  };
  if (url === null || (url.protocol !== "https:" && url.protocol !== "http:")) {
    return refuse("is no address of http or https", "Write it as https://host:port/path.");
  }
  if (url.username !== "" || url.password !== "") return refuse("has a user name in it", "Leave it out.");
  const address = addressOf(url);
  const isLocalName = /^(localhost|.*\.localhost)$/i.test(url.hostname.replace(/\.$/, ""));
  if (address !== null && isForbiddenAddress(address)) {
    return refuse("is an address that nothing may be sent to", "Name a host that receives what you want to send.");
  }
  const isPrivate = isLocalName || (address !== null && isInternalAddress(address));
  if (isPrivate && !mayBePrivate) {
    return refuse("is on this machine or a private network", "If you mean it, say so: --private.");
  }
  if (url.protocol === "http:" && !mayBePrivate) {
    return refuse("is not encrypted", "Use https; http is for a private network, with --private.");
  }
  return url;
}
