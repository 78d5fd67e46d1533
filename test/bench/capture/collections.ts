import { PerformanceObserver } from "node:perf_hooks";

/** Garbage collections of this thread, as spans of `performance.now()`. */
export interface Collections extends Disposable {
  /** Whether one of them lay in a span, in whole or in part. */
  during(span: { readonly from: number; readonly to: number }): boolean;
}

export function watchCollections(): Collections {
  const seen: { from: number; to: number }[] = [];
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  const take = (entries: readonly PerformanceEntry[]) => {
    for (const { startTime, duration } of entries) seen.push({ from: startTime, to: startTime + duration });
  };
  observer.observe({ entryTypes: ["gc"] });
  return {
    during({ from, to }) {
      take(observer.takeRecords());
      return seen.some((one) => one.from < to && one.to > from);
    },
    [Symbol.dispose]: () => observer.disconnect(),
  };
}
