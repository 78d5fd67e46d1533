import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { admit } from "./admit.ts";
import { problemFor, problemFrom, problemOf, problemResponse } from "./problem.ts";
import type { Problem } from "../../protocol/api.ts";
import type { Route } from "./routes/route.ts";
import { ROUTES } from "./routes/route-table.ts";
import { securityHeaders } from "./security-headers.ts";
import type { ServerParts } from "./server-parts.ts";

/** All header lines of a request together, bytes. */
const MAX_HEADER_BYTES = 16_384;
/** A client has this long to send its headers, and its whole request, milliseconds. */
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Between two looks for clients that have not sent theirs in time, milliseconds. */
const TIMEOUT_LOOK_MS = 2_000;
/** Connections at once: far more than editors need, and fewer than files that a process may have open. */
const MAX_CONNECTIONS = 2_048;
/** Longest wait for labels of events that were just stored, milliseconds. */
const SETTLE_MS = 1_000;

/** The HTTP server: `admit`, then the router. It does not listen yet. */
export function createHttpServer(parts: ServerParts): Server {
  const answer = getRequestListener(createRouter(parts).fetch, { overrideGlobalObjects: false });
  // Routes with a guard look at a password of their own.
  const isTokenless = ({ open, guard }: Route): boolean => open === true || guard !== undefined;
  const openPaths = new Set(ROUTES.filter(isTokenless).map(({ method, path }) => `${method} ${path}`));
  const isOpen = (method: string, path: string): boolean =>
    openPaths.has(`${method === "HEAD" ? "GET" : method} ${path}`);

  // Plain names alone: what a reader of addresses would make of dots and escapes is never looked at.
  const keyOf = (method: string, path: string): string | null =>
    /^[\w/-]+$/.test(path) && routesOf(path).some((route) => route.method === method && route.forEndpoints === true)
      ? parts.endpointKey()
      : null;

  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = "", url: target = "", rawHeaders } = request;
    const admission = admit(
      { method, target, rawHeaders },
      { port: parts.port(), token: parts.token(), isOpen, keyOf },
    );
    if (admission.ok) {
      if (/100-continue/i.test(request.headers.expect ?? "")) response.writeContinue();
      return void answer(request, response);
    }
    parts.metrics.count("kept_refused_requests_total", { reason: admission.reason });
    parts.log.warn({ event: "refused", reason: admission.reason, method, path: pathOf(target) });
    refuse(response, problemFrom(pathOf(target), problemFor(admission.reason)));
  };

  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionsCheckingInterval: TIMEOUT_LOOK_MS,
    insecureHTTPParser: false,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on("drop", () => parts.metrics.count("kept_refused_requests_total", { reason: "too-many" }));
  server.on("request", handle);
  // Without a listener Node asks for the body before anyone has looked at the headers.
  server.on("checkContinue", handle);
  return server;
}

/** Answers without having read the body; the connection is of no more use. */
function refuse(response: ServerResponse, problem: Problem): void {
  const body = JSON.stringify(problem);
  response.writeHead(problem.status, {
    ...securityHeaders(),
    "Content-Type": "application/problem+json",
    "Content-Length": Buffer.byteLength(body),
    Connection: "close",
  });
  response.end(body);
}

function createRouter(parts: ServerParts): Hono {
  const router = new Hono();
  router.use(async (c, next) => {
    const began = performance.now();
    await next();
    const labels = { method: c.req.method, route: patternOf(c.req.path) };
    parts.metrics.count("kept_http_requests_total", { ...labels, status: c.res.status });
    parts.metrics.record("kept_http_request_seconds", (performance.now() - began) / 1_000, labels);
    for (const [name, value] of Object.entries(securityHeaders())) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
    parts.log.debug({ event: "answered", method: c.req.method, path: c.req.path, status: c.res.status });
  });
  for (const { method, path, handle, readsDerived } of ROUTES) {
    router.on(method, path, async (c) => {
      // Whoever has sent events reads what followed from them; a stream of events does not hold a reader up for long.
      if (readsDerived === true) await parts.events.settled(AbortSignal.timeout(SETTLE_MS));
      return handle(c, parts);
    });
  }
  router.notFound((c) => {
    const allowed = methodsOf(c.req.path);
    return allowed.length === 0
      ? problemResponse(problemFrom(c.req.path, problemFor("not-found")))
      : problemResponse(problemFrom(c.req.path, problemFor("method-not-allowed")), { Allow: allowed.join(", ") });
  });
  router.onError((error, c) => {
    const problem = problemOf(error);
    if (problem.status >= 500)
      parts.log.error({ event: "failed", problem: problem.id, code: problem.code, err: error });
    return problemResponse(problemFrom(c.req.path, problem));
  });
  return router;
}

const methodsOf = (path: string): string[] => [...new Set(routesOf(path).map(({ method }) => method))];

/** The route's pattern: what a client sent never becomes a label. */
const patternOf = (path: string): string => routesOf(path)[0]?.path ?? "unknown";

function routesOf(path: string): Route[] {
  const segments = path.split("/");
  return ROUTES.filter((route) => {
    const pattern = route.path.split("/");
    return (
      pattern.length === segments.length && pattern.every((part, i) => part.startsWith(":") || part === segments[i])
    );
  });
}

const pathOf = (target: string): string => target.split("?", 1)[0]!.slice(0, 200);
