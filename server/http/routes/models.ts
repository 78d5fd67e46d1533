import { aliasMove, aliasName } from "../../../protocol/api.ts";
import { z } from "zod";
import { AppError } from "../../errors.ts";
import { parseWith, readJson } from "../body.ts";
import { limitParameter } from "./query.ts";
import type { Route } from "./route.ts";

export const modelRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/models",
    about: "Model versions, newest first.",
    handle(c, { store }) {
      const { limit } = parseWith(z.object({ limit: limitParameter }), c.req.query());
      return c.json({ models: store.versions.list(limit) });
    },
  },
  {
    method: "GET",
    path: "/v1/models/:id",
    about: "One model version.",
    handle(c, { store }) {
      const version = store.versions.get(c.req.param("id") ?? "");
      if (version === null) throw new AppError("not-found", "There is no model version with this id.");
      return c.json(version);
    },
  },
  {
    method: "GET",
    path: "/v1/aliases",
    about: "Where every alias stands, and its moves, newest first.",
    handle(c, { store }) {
      const { limit } = parseWith(z.object({ limit: limitParameter }), c.req.query());
      return c.json({ aliases: store.versions.aliases(), history: store.versions.history(limit) });
    },
  },
  {
    method: "PUT",
    path: "/v1/aliases/:alias",
    about: "Moves an alias by compare-and-swap; 409 when it stands elsewhere.",
    async handle(c, { registry, store }) {
      const alias = aliasName.safeParse(c.req.param("alias"));
      if (!alias.success) throw new AppError("not-found", "Aliases are champion, candidate and previous.");
      const { to, expected, reason } = await readJson(c, aliasMove);
      registry.moveAlias(alias.data, expected, to, reason);
      registry.announce();
      return c.json({ alias: alias.data, version: store.versions.alias(alias.data) });
    },
  },
  {
    method: "GET",
    path: "/v1/deployment",
    about: "What an editor should serve now.",
    handle: (c, { registry }) => c.json(registry.deployment()),
  },
  {
    method: "GET",
    path: "/v1/files/:sha256",
    about: "The bytes of a file that a model version names.",
    handle(c, { files, store }) {
      const sha256 = c.req.param("sha256") ?? "";
      if (!store.versions.hasFile(sha256)) throw new AppError("not-found", "No model version names this file.");
      return c.body(new Uint8Array(files.read(sha256)), 200, { "Content-Type": "application/octet-stream" });
    },
  },
];
