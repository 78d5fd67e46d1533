import type { SettingsStore } from "../../store/settings-store.ts";
import { z } from "zod";

/** What runs and versions are called in MLflow. Where it is stands in what `kept egress allowed` shows. */
export const mlflowSettings = z.object({
  experiment: z.string().min(1).max(250).default("kept"),
  /** The registered model that versions belong to. */
  model: z.string().min(1).max(250).default("kept"),
  /** Of every run and version. */
  tags: z.record(z.string(), z.string()).default({}),
  /** Also the adapter's files, not only figures: without them a version can be pulled by nobody. */
  logArtifacts: z.boolean().default(true),
});
export type MlflowSettings = z.infer<typeof mlflowSettings>;

/** In the outbox, in the settings, and as a purpose of connections. */
export const MLFLOW = "mlflow";

export const readMlflow = (settings: SettingsStore): MlflowSettings => settings.get(MLFLOW, mlflowSettings);

/** The credentials of MLflow's own clients, from the environment alone. */
export function mlflowHeaders(env: NodeJS.ProcessEnv): Record<string, string> {
  const token = env["MLFLOW_TRACKING_TOKEN"] ?? "";
  const user = env["MLFLOW_TRACKING_USERNAME"] ?? "";
  if (token !== "") return { authorization: `Bearer ${token}` };
  if (user === "") return {};
  const pair = `${user}:${env["MLFLOW_TRACKING_PASSWORD"] ?? ""}`;
  return { authorization: `Basic ${Buffer.from(pair).toString("base64")}` };
}
