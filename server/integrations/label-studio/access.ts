import type { Egress, EgressLimits } from "../../egress/egress.ts";
import { createJsonClient } from "../../egress/json-client.ts";
import { AppError } from "../../errors.ts";
import { createLabelStudioClient, type LabelStudioClient } from "./client.ts";
import { LABEL_STUDIO } from "./settings.ts";
import * as wire from "./wire.ts";

/** An access token is fetched anew this long before it ends, milliseconds: a call under way still counts. */
const SPARE_MS = 30_000;
/** What a token without a readable end is good for, milliseconds. */
const UNKNOWN_LIFE_MS = 60_000;

/**
 * Calls of a Label Studio in the name of the one whose key is in the environment. A personal access token is a
 * refresh token, exchanged for access tokens of some minutes; the older keys are sent as they are.
 */
export function openLabelStudio(parts: {
  readonly base: URL;
  readonly egress: Egress;
  readonly env: NodeJS.ProcessEnv;
  readonly now: () => number;
  readonly limits?: Partial<EgressLimits>;
}): (signal: AbortSignal) => LabelStudioClient {
  const { base, egress, env } = parts;
  const common = {
    egress,
    purpose: LABEL_STUDIO,
    name: "Label Studio",
    base,
    ...(parts.limits === undefined ? {} : { limits: parts.limits }),
  } as const;
  const open = createJsonClient({ ...common, headers: () => ({}) });
  let access: { token: string; until: number } | null = null;

  const headers = async (signal: AbortSignal): Promise<Record<string, string>> => {
    const key = env["LABEL_STUDIO_API_KEY"] ?? "";
    if (key === "") {
      throw new AppError("integration-unauthorized", "There is no key for Label Studio.", {
        hint: "Set LABEL_STUDIO_API_KEY to a personal access token of Label Studio's account page.",
      });
    }
    if (!isRefreshToken(key)) return { authorization: `Token ${key}` };
    if (access === null || parts.now() > access.until - SPARE_MS) {
      const body = { refresh: key };
      const answer = await open.call({ method: "POST", path: "api/token/refresh/", body, signal }, wire.token);
      if (!answer.ok)
        throw new AppError("integration-unauthorized", "Label Studio does not accept the personal access token.");
      const token = answer.value.access;
      access = { token, until: endOf(token) ?? parts.now() + UNKNOWN_LIFE_MS };
    }
    return { authorization: `Bearer ${access.token}` };
  };
  const json = createJsonClient({ ...common, headers });
  return (signal) => createLabelStudioClient(json, signal);
}

/** A JSON web token has three parts. */
const isRefreshToken = (key: string): boolean => key.split(".").length === 3;

/** When a JSON web token ends, milliseconds since 1970: it is read and not believed, the server judges it. */
function endOf(token: string): number | null {
  try {
    const payload = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as {
      exp?: unknown;
    };
    return typeof payload.exp === "number" ? payload.exp * 1_000 : null;
  } catch {
    return null;
  }
}
