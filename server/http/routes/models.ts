import { aliasMove, aliasName, aliasPage, aliasRow, deployment } from "../../../protocol/api.ts";
import { servedModel, servedModelPage } from "../../../protocol/openai.ts";
import { MOVING_NAMES, openAiModels, toModel } from "../../integrations/openai/answer.ts";
import { deployAnswer, deployRequest, versionConfig } from "../../../protocol/model-file.ts";
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { parseWith, readJson } from "../body.ts";
import { limitParameter } from "./query.ts";
import type { Route } from "./route.ts";

const page = z.object({ limit: limitParameter });

export const modelRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/models",
    forEndpoints: true,
    about: "Model versions, newest first, and as OpenAI lists models what can be asked for by name.",
    query: page,
    answers: servedModelPage,
    handle(c, { store }) {
      const { limit } = parseWith(page, c.req.query());
      const models = store.versions.list(limit);
      return c.json({ models, object: "list", data: openAiModels(models) });
    },
  },
  {
    method: "GET",
    path: "/v1/models/:id",
    forEndpoints: true,
    about: "One model version, or a name that moves: `kept` is what serves, `kept-base` the base model alone.",
    answers: servedModel,
    handle(c, { store }) {
      const id = c.req.param("id") ?? "";
      if ((MOVING_NAMES as readonly string[]).includes(id)) return c.json(toModel(id, 0));
      const version = store.versions.get(id);
      if (version === null) throw new AppError("not-found", "There is no model version with this id.");
      return c.json({ ...toModel(id, Math.floor(Date.parse(version.createdAt) / 1_000)), ...version });
    },
  },
  {
    method: "GET",
    path: "/v1/models/:id/config",
    about: "The model's file that a version was trained with, as it was read then.",
    answers: versionConfig,
    handle(c, { store }) {
      const id = c.req.param("id") ?? "";
      const manifest = store.versions.manifest(id);
      if (manifest === null) throw new AppError("not-found", "There is no model version with this id.");
      const { model = null, hyperParameters = {} } = manifest;
      return c.json(versionConfig.parse({ version: id, model, hyperParameters }));
    },
  },
  {
    method: "POST",
    path: "/v1/deploy",
    about: "Serves the candidate, or a version that is named, if the gate lets it.",
    body: deployRequest,
    answers: deployAnswer,
    async handle(c, { deploy, reserve }) {
      const request = await readJson(c, deployRequest);
      return c.json(await reserve.use(() => deploy(request)));
    },
  },
  {
    method: "GET",
    path: "/v1/aliases",
    about: "Where every alias stands, and its moves, newest first.",
    query: page,
    answers: aliasPage,
    handle(c, { store }) {
      const { limit } = parseWith(page, c.req.query());
      return c.json({ aliases: store.versions.aliases(), history: store.versions.history(limit) });
    },
  },
  {
    method: "PUT",
    path: "/v1/aliases/:alias",
    about: "Moves an alias by compare-and-swap; 409 when it stands elsewhere.",
    body: aliasMove,
    answers: aliasRow,
    async handle(c, { registry, store, reserve, canaries }) {
      const alias = aliasName.safeParse(c.req.param("alias"));
      if (!alias.success) throw new AppError("not-found", "Aliases are champion, candidate and previous.");
      const { to, expected, reason } = await readJson(c, aliasMove);
      await reserve.use(() => registry.moveAlias(alias.data, expected, to, reason));
      // A trial against another champion than this has no meaning any more.
      canaries.look();
      registry.announce();
      return c.json({ alias: alias.data, version: store.versions.alias(alias.data) });
    },
  },
  {
    method: "GET",
    path: "/v1/deployment",
    about: "What an editor should serve now.",
    answers: deployment,
    handle: (c, { registry }) => c.json(registry.deployment()),
  },
  {
    method: "GET",
    path: "/v1/files/:sha256",
    about: "The bytes of a file that a model version names.",
    answers: "application/octet-stream",
    handle(c, { files, store }) {
      const sha256 = c.req.param("sha256") ?? "";
      if (!store.versions.hasFile(sha256)) throw new AppError("not-found", "No model version names this file.");
      return c.body(new Uint8Array(files.read(sha256)), 200, { "Content-Type": "application/octet-stream" });
    },
  },
];
