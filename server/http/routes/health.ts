import { health, proofRequest, proofResponse, PROTOCOL_VERSION, readiness, versions } from "../../../protocol/api.ts";
import { keptVersion } from "../../version.ts";
import { schemaVersion } from "../../store/database.ts";
import { readJson } from "../body.ts";
import { proveToken } from "../token.ts";
import type { Route } from "./route.ts";

export const healthRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/healthz",
    about: "Says that the server answers; no data.",
    answers: health,
    open: true,
    handle: (c) => c.json({ status: "ok", protocol: PROTOCOL_VERSION, version: keptVersion }),
  },
  {
    method: "GET",
    path: "/readyz",
    about: "Says whether events can be stored and labels are up to date; 503 when they cannot be stored.",
    answers: readiness,
    handle(c, { store, events }) {
      const ready = events.isOpen();
      return c.json({ ready, derivationsPending: store.derivations.count() }, ready ? 200 : 503);
    },
  },
  {
    method: "GET",
    path: "/version",
    about: "Versions of the server, its protocol, its store and its runtime.",
    answers: versions,
    handle: (c, { store }) =>
      c.json({
        version: keptVersion,
        protocol: PROTOCOL_VERSION,
        schema: schemaVersion(store.db),
        node: process.versions.node,
      }),
  },
  {
    method: "POST",
    path: "/v1/proof",
    about: "Proves that the server holds the token, before a client sends it anything.",
    body: proofRequest,
    answers: proofResponse,
    open: true,
    async handle(c, { token, port }) {
      const { nonce } = await readJson(c, proofRequest);
      return c.json({ proof: proveToken(token(), nonce, port(), process.pid), pid: process.pid, port: port() });
    },
  },
];
