declare const KEPT_VERSION: string | undefined;

/** Kept's version: from the bundler, or `0.0.0-source` when run from source. */
export const keptVersion: string = typeof KEPT_VERSION === "string" ? KEPT_VERSION : "0.0.0-source";
