/** One metric of the server. Labels are from closed sets: never a path, a name of a person or any text. */
export interface MetricEntry {
  readonly kind: "counter" | "gauge" | "histogram";
  /** Base unit, as the name's ending says it too. */
  readonly unit: "" | "s" | "By";
  readonly labels: readonly string[];
  readonly about: string;
}

/** Every metric that `GET /metrics` shows and that is sent to an OTLP collector when one is named. */
export const METRICS = {
  kept_events_total: {
    kind: "counter",
    unit: "",
    labels: ["status"],
    about: "Events that clients sent, by what became of them: accepted, duplicate or rejected.",
  },
  kept_refused_requests_total: {
    kind: "counter",
    unit: "",
    labels: ["reason"],
    about: "Requests that were refused before anything of them was read, by error code.",
  },
  kept_http_requests_total: {
    kind: "counter",
    unit: "",
    labels: ["method", "route", "status"],
    about: "Requests that were answered, by route pattern and status.",
  },
  kept_http_request_seconds: {
    kind: "histogram",
    unit: "s",
    labels: ["method", "route"],
    about: "Time from an admitted request to its answer's headers.",
  },
  kept_derivations_pending: {
    kind: "gauge",
    unit: "",
    labels: [],
    about: "Suggestions whose labels and examples are still to be computed from stored events.",
  },
  kept_labels: {
    kind: "gauge",
    unit: "",
    labels: ["verdict"],
    about: "Suggestions by label: good, bad or unknown.",
  },
  kept_jobs: { kind: "gauge", unit: "", labels: ["state"], about: "Jobs by state." },
  kept_training_runs: { kind: "gauge", unit: "", labels: ["state"], about: "Training runs by state." },
  kept_stream_readers: { kind: "gauge", unit: "", labels: [], about: "Open streams of server-sent events." },
  kept_stream_dropped_total: {
    kind: "counter",
    unit: "",
    labels: [],
    about: "Streams that were ended because their reader did not keep up.",
  },
  kept_store_bytes: {
    kind: "gauge",
    unit: "By",
    labels: ["part"],
    about: "Size of the store's files: database and wal.",
  },
  kept_process_resident_memory_bytes: {
    kind: "gauge",
    unit: "By",
    labels: [],
    about: "Memory of the server's process.",
  },
  kept_event_loop_delay_seconds: {
    kind: "gauge",
    unit: "s",
    labels: ["quantile"],
    about: "How long the server's main thread was held up since the last look: quantiles 0.5, 0.99 and 1.",
  },
} as const satisfies Record<string, MetricEntry>;

export type MetricName = keyof typeof METRICS;
