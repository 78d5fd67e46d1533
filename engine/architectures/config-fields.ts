import { EngineError } from "../engine-error.ts";

/** A parsed `config.json`, or an object in it. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** Beyond these no factor or base is meant, and float32 would overflow. */
const SMALLEST = 1e-20;
const LARGEST = 1e20;

/** A field that must be a positive number. Throws model-unsupported naming it. */
export function positive(raw: RawConfig, key: string): number {
  const value = raw[key];
  if (typeof value !== "number" || !(value >= SMALLEST && value <= LARGEST)) refuse(key, "a positive number", value);
  return value;
}

/** The same, or undefined where the field is absent or null. */
export function optionalPositive(raw: RawConfig, key: string): number | undefined {
  return raw[key] === undefined || raw[key] === null ? undefined : positive(raw, key);
}

/** A field that counts something: a whole number from 1 to `limit`. */
export function count(raw: RawConfig, key: string, limit: number): number {
  const value = raw[key];
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > limit)
    refuse(key, `a whole number from 1 to ${limit}`, value);
  return value as number;
}

/** The same, or undefined where the field is absent or null. */
export function optionalCount(raw: RawConfig, key: string, limit: number): number | undefined {
  return raw[key] === undefined || raw[key] === null ? undefined : count(raw, key, limit);
}

/** A field that is true or false; absent and null are `fallback`. */
export function flag(raw: RawConfig, key: string, fallback: boolean): boolean {
  const value = raw[key] ?? fallback;
  if (typeof value !== "boolean") refuse(key, "true or false", value);
  return value;
}

function refuse(key: string, expected: string, value: unknown): never {
  const shown = JSON.stringify(value)?.slice(0, 100);
  throw new EngineError("model-unsupported", `config.json: ${key} must be ${expected}, not ${shown}.`);
}
