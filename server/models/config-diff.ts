/** A key of which two configurations say different things; undefined where one does not say it. */
export interface ConfigDifference {
  readonly key: string;
  readonly from: unknown;
  readonly to: unknown;
}

/** A configuration as `key.below: value`, sorted; lists are one value. */
export function flatten(value: unknown, above = ""): Map<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return new Map([[above, value]]);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return above === "" ? new Map() : new Map([[above, {}]]);
  return new Map(entries.flatMap(([key, inner]) => [...flatten(inner, above === "" ? key : `${above}.${key}`)]));
}

/**
 * What two configurations say differently, by key: the order of keys, comments, and whether a default is written
 * out make no difference.
 */
export function diffConfigs(from: unknown, to: unknown): ConfigDifference[] {
  const before = flatten(from);
  const after = flatten(to);
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names
    .filter((key) => JSON.stringify(before.get(key)) !== JSON.stringify(after.get(key)))
    .map((key) => ({ key, from: before.get(key), to: after.get(key) }));
}
