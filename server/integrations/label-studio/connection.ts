import { AppError } from "../../errors.ts";
import type { LabelStudioClient } from "./client.ts";
import { basicHeader, INBOUND_USER } from "./settings.ts";
import { randomBytes } from "node:crypto";

/** Path of this server below which Label Studio finds the ML backend and the webhook. */
export const BACKEND_PATH = "/v1/label-studio";

/** What happens to annotations; the rest of Label Studio's events is none of Kept's business. */
const ACTIONS = ["ANNOTATION_CREATED", "ANNOTATIONS_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_DELETED"];
const TITLE = "Kept";
const SECRET_BYTES = 32;

export const newSecret = (): string => randomBytes(SECRET_BYTES).toString("base64url");

/**
 * Tells Label Studio where this server is, and with which password to ask it: the webhook first, because an ML
 * backend is asked whether it answers before it is taken. What is there from before is changed, never doubled.
 */
export async function connectLabelStudio(
  client: LabelStudioClient,
  { projectId, address, secret }: { projectId: number; address: string; secret: string },
): Promise<void> {
  const url = address.replace(/\/$/, "") + BACKEND_PATH;
  const mine = (one: { url: string }): boolean => new RegExp(`${BACKEND_PATH}(/webhook)?/?$`).test(one.url);
  const [webhook, ...spareHooks] = (await client.webhooks(projectId)).filter(mine);
  await client.putWebhook(webhook?.id ?? null, {
    url: `${url}/webhook`,
    project: projectId,
    headers: { Authorization: basicHeader(secret) },
    send_payload: true,
    send_for_all_actions: false,
    is_active: true,
    actions: ACTIONS,
  });
  for (const { id } of spareHooks) await client.deleteWebhook(id);
  const [backend, ...spareBackends] = (await client.mlBackends(projectId)).filter(mine);
  await client.putMlBackend(backend?.id ?? null, {
    url,
    project: projectId,
    title: TITLE,
    auth_method: "BASIC_AUTH",
    basic_auth_user: INBOUND_USER,
    basic_auth_pass: secret,
  });
  for (const { id } of spareBackends) await client.deleteMlBackend(id);
}

/** Takes back what `connectLabelStudio` made; the project and its answers stay. */
export async function disconnectLabelStudio(client: LabelStudioClient, projectId: number): Promise<void> {
  const isMine = (one: { url: string }): boolean => one.url.includes(BACKEND_PATH);
  for (const { id } of (await client.webhooks(projectId)).filter(isMine)) await client.deleteWebhook(id);
  for (const { id } of (await client.mlBackends(projectId)).filter(isMine)) await client.deleteMlBackend(id);
}

/** The project of this title, made or brought up to date. */
export async function prepareProject(
  client: LabelStudioClient,
  wanted: { readonly title: string; readonly labeling: string; readonly instruction: string },
): Promise<{ id: number; isNew: boolean }> {
  const fields = {
    title: wanted.title,
    description: "Suggestions of Kept. Answers go back to it and into the next dataset.",
    label_config: wanted.labeling,
    expert_instruction: wanted.instruction,
    show_instruction: true,
  };
  const found = await client.projectTitled(wanted.title);
  if (found === null) return { id: (await client.createProject(fields)).id, isNew: true };
  await client.updateProject(found.id, fields);
  return { id: found.id, isNew: false };
}

export const noProject = (): AppError =>
  new AppError("integration-invalid", "Label Studio has no project for Kept any more.", {
    hint: "Run kept label-studio setup again.",
  });
