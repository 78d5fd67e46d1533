import { keptVersion } from "../version.ts";
import { METRICS, type MetricEntry, type MetricName } from "./catalogue.ts";
import type { Attributes, Counter, Histogram, Meter } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider, MetricReader, type ResourceMetrics } from "@opentelemetry/sdk-metrics";

/** A value with its labels, as an observed metric gives it when it is asked. */
export interface Observed {
  readonly value: number;
  readonly labels?: Attributes;
}

export interface Metrics extends AsyncDisposable {
  /** Adds to a counter. */
  count(name: MetricName, labels?: Attributes, by?: number): void;
  /** Adds one observation to a histogram, in the metric's base unit. */
  record(name: MetricName, value: number, labels?: Attributes): void;
  /** A gauge, or a counter that somebody else counts: read whenever the metrics are. */
  observe(name: MetricName, read: () => readonly Observed[]): void;
  /** All of them in Prometheus's text format 0.0.4. */
  prometheus(): Promise<string>;
  /** All of them as OpenTelemetry hands them on. */
  collect(): Promise<ResourceMetrics>;
}

/** From a request that reads a row to one that builds a dataset, seconds. */
const SECONDS_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Read when it is asked; it pushes nothing and opens no port. */
class AskedReader extends MetricReader {
  protected onShutdown(): Promise<void> {
    return Promise.resolve();
  }
  protected onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

export function createMetrics(): Metrics {
  const reader = new AskedReader();
  const provider = new MeterProvider({ readers: [reader] });
  const meter = provider.getMeter("kept", keptVersion);
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  const counters = new Map<MetricName, Counter>();
  const histograms = new Map<MetricName, Histogram>();

  return {
    count: (name, labels = {}, by = 1) => once(counters, name, () => createCounter(meter, name)).add(by, labels),
    record: (name, value, labels = {}) =>
      once(histograms, name, () => createHistogram(meter, name)).record(value, labels),
    observe(name, read) {
      const entry: MetricEntry = METRICS[name];
      const options = { description: entry.about };
      const instrument =
        entry.kind === "counter"
          ? meter.createObservableCounter(name, options)
          : meter.createObservableGauge(name, options);
      instrument.addCallback((result) => {
        for (const { value, labels = {} } of read()) result.observe(value, labels);
      });
    },
    collect: async () => (await reader.collect()).resourceMetrics,
    async prometheus() {
      const { resourceMetrics } = await reader.collect();
      return serializer.serialize(resourceMetrics);
    },
    [Symbol.asyncDispose]: () => provider.shutdown(),
  };
}

function once<T>(known: Map<MetricName, T>, name: MetricName, create: () => T): T {
  const found = known.get(name);
  if (found !== undefined) return found;
  const made = create();
  known.set(name, made);
  return made;
}

const createCounter = (meter: Meter, name: MetricName): Counter =>
  meter.createCounter(name, { description: METRICS[name].about });

const createHistogram = (meter: Meter, name: MetricName): Histogram =>
  meter.createHistogram(name, {
    description: METRICS[name].about,
    advice: { explicitBucketBoundaries: SECONDS_BUCKETS },
  });
