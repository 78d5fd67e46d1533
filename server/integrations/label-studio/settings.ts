import type { SettingsStore } from "../../store/settings-store.ts";
import { createHash, timingSafeEqual } from "node:crypto";
import { z } from "zod";

/** In the outbox, in the settings, and as a purpose of connections. */
export const LABEL_STUDIO = "label-studio";
/** The user name of Label Studio when it asks this server. */
export const INBOUND_USER = "label-studio";

/** In place of an address: Label Studio cannot reach this server, and answers are fetched. */
export const NO_CALLBACK = "none";

/** The project that `kept label-studio setup` made, and how it is used. */
export const labelStudioSettings = z.object({
  projectId: z.int().positive().nullable().default(null),
  /** Where Label Studio reaches this server; null is its port on this machine, `none` that it does not. */
  callback: z.string().nullable().default(null),
  /** Tasks without an answer there may be at once. */
  maxTasks: z.int().min(1).max(10_000).default(200),
  /** How unsure a label has to be for a task: 0 is certain, 1 is even. */
  minUncertainty: z.number().min(0).max(1).default(0),
  /** Between two looks for annotations that no webhook told of. */
  reconcileMinutes: z.int().min(1).max(10_080).default(60),
  /** Hash of the password that Label Studio has: the password itself is kept there alone. */
  secretSha256: z.string().nullable().default(null),
  /** The address that Label Studio was last given. */
  connectedTo: z.string().nullable().default(null),
});
export type LabelStudioSettings = z.infer<typeof labelStudioSettings>;

export const readLabelStudio = (settings: SettingsStore): LabelStudioSettings =>
  settings.get(LABEL_STUDIO, labelStudioSettings);

export function changeLabelStudio(
  settings: SettingsStore,
  change: Partial<LabelStudioSettings>,
  nowMs: number,
): LabelStudioSettings {
  const after = labelStudioSettings.parse({ ...readLabelStudio(settings), ...change });
  settings.put(LABEL_STUDIO, after, nowMs);
  return after;
}

export const sha256Of = (secret: string): string => createHash("sha256").update(secret).digest("hex");

/** The header that Label Studio sends to webhooks, and its ML backend connection by itself. */
export const basicHeader = (secret: string): string =>
  `Basic ${Buffer.from(`${INBOUND_USER}:${secret}`).toString("base64")}`;

/** Whether a request's `Authorization` is the one that Label Studio was given. Hashes of equal length are compared. */
export function isFromLabelStudio({ secretSha256 }: LabelStudioSettings, authorization: string | undefined): boolean {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,512})$/.exec(authorization ?? "")?.[1];
  if (secretSha256 === null || encoded === undefined) return false;
  const [user, ...rest] = Buffer.from(encoded, "base64").toString("utf8").split(":");
  const presented = Buffer.from(sha256Of(rest.join(":")));
  const expected = Buffer.from(secretSha256);
  const isSame = presented.length === expected.length && timingSafeEqual(presented, expected);
  return isSame && user === INBOUND_USER;
}
