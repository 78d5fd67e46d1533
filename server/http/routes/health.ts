import { proofRequest, PROTOCOL_VERSION } from "../../../protocol/api.ts";
import { keptVersion } from "../../version.ts";
import { readJson } from "../body.ts";
import { proveToken } from "../token.ts";
import type { Route } from "./route.ts";

export const healthRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/healthz",
    about: "Says that the server answers; no data.",
    open: true,
    handle: (c) => c.json({ status: "ok", protocol: PROTOCOL_VERSION, version: keptVersion }),
  },
  {
    method: "POST",
    path: "/v1/proof",
    about: "Proves that the server holds the token, before a client sends it anything.",
    open: true,
    async handle(c, { token, port }) {
      const { nonce } = await readJson(c, proofRequest);
      return c.json({ proof: proveToken(token, nonce, port(), process.pid), pid: process.pid, port: port() });
    },
  },
];
