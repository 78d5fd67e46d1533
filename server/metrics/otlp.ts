import type { Egress } from "../egress/egress.ts";
import type { Log } from "../log.ts";
import { ProtobufMetricsSerializer } from "@opentelemetry/otlp-transformer";
import type { ResourceMetrics } from "@opentelemetry/sdk-metrics";

/** Between two pushes, milliseconds: the default of OpenTelemetry's SDKs. */
const PUSH_MS = 60_000;
const LIMITS = { answerMs: 10_000, windowMs: 10_000, bytesPerWindow: 0, maxBytes: 65_536 };

/**
 * Sends the metrics to the user's OTLP collector (http/protobuf), as long as the user allows one: the
 * numbers of `GET /metrics`, and nothing else. Without an address nothing is collected and nothing is sent.
 */
export function startOtlpPush(parts: {
  readonly collect: () => Promise<ResourceMetrics>;
  /** The address that is allowed now, or null. */
  readonly endpoint: () => URL | null;
  readonly egress: Egress;
  readonly log: Log;
  readonly everyMs?: number | undefined;
}): AsyncDisposable {
  const { egress, log } = parts;
  const stop = new AbortController();
  let pushing: Promise<void> = Promise.resolve();
  let lastProblem = "";

  const push = async (): Promise<void> => {
    const endpoint = parts.endpoint();
    if (endpoint === null) return;
    const body = ProtobufMetricsSerializer.serializeRequest(await parts.collect());
    if (body === undefined) return;
    const answer = await egress.request({
      purpose: "metrics",
      url: metricsUrl(endpoint),
      method: "POST",
      headers: { "content-type": "application/x-protobuf" },
      body,
      limits: LIMITS,
      signal: stop.signal,
    });
    answer.cancel();
    if (answer.status < 200 || answer.status > 299) throw new Error(`the collector answered ${answer.status}`);
    lastProblem = "";
  };
  const tick = (): void => {
    pushing = pushing.then(push).catch((error: unknown) => {
      const problem = (error as Error).message;
      // Once: a collector that is away for a night is one line.
      if (!stop.signal.aborted && problem !== lastProblem) log.warn({ event: "metrics-not-sent", problem });
      lastProblem = problem;
    });
  };
  const timer = setInterval(tick, parts.everyMs ?? PUSH_MS);
  timer.unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      stop.abort(new Error("The server is stopping."));
      await pushing;
    },
  };
}

/** As `OTEL_EXPORTER_OTLP_ENDPOINT` is read: an address without a path gets the usual one. */
function metricsUrl(endpoint: URL): URL {
  const url = new URL(endpoint);
  if (url.pathname === "/") url.pathname = "/v1/metrics";
  return url;
}
