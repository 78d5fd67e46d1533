import { EngineError } from "../engine-error.ts";
import { compilePattern, patternBudget, type ModulePattern, type PatternBudget } from "./module-pattern.ts";

/** What `adapter_config.json` says about each layer; the fields are those of PEFT's LoraConfig (0.21). */
export interface AdapterConfig {
  /** `r` and `lora_alpha`: those of every layer that no pattern names. */
  readonly rank: number;
  readonly alpha: number;
  /** True for the layers that the adapter was made for. */
  readonly targets: (layer: string) => boolean;
  /** The rank of a layer, and the factor of B A x: alpha / r, or alpha / sqrt(r) with `use_rslora`. */
  readonly layer: (layer: string) => { readonly rank: number; readonly scale: number };
}

/** Larger than any rank in use; it bounds what a hostile adapter can make the reader allocate. */
export const MAX_RANK = 1_024;

/** Longest `base_model_name_or_path`, in characters: a path on any system. */
const MAX_BASE_NAME_CHARS = 4_096;

/** Fields that say how the adapter was trained or loaded and change nothing about what it computes. */
const WITHOUT_EFFECT = new Set([
  "peft_version",
  "inference_mode",
  "lora_dropout",
  "revision",
  "megatron_core",
  "qalora_group_size",
  "loftq_config",
  "eva_config",
]);

/** Ways to start training that leave the base model's weights alone. */
const PLAIN_STARTS = new Set([true, false, null, undefined, "gaussian", "orthogonal", "eva"]);

/** Read `adapter_config.json`. Throws adapter-invalid, or adapter-unsupported naming a field that would change the result. */
export function parseAdapterConfig(text: string): AdapterConfig {
  const fields = new Map(Object.entries(parseObject(text)));
  const take = (field: string): unknown => {
    const value = fields.get(field);
    fields.delete(field);
    return value;
  };
  if (take("peft_type") !== "LORA") throw invalid("peft_type must be LORA");
  const task = take("task_type") ?? "CAUSAL_LM";
  if (task !== "CAUSAL_LM") throw unsupported("task_type", task);
  checkBaseName(take("base_model_name_or_path"));
  const start = take("init_lora_weights");
  // PiSSA, OLoRA, CorDA and the like take a part out of the base model's weights.
  if (!PLAIN_STARTS.has(start as never)) throw unsupported("init_lora_weights", start);
  const bias = take("bias") ?? "none";
  if (bias !== "none") throw unsupported("bias", bias);
  const rank = rankOf(take("r"), "r");
  const alpha = finite(take("lora_alpha"), "lora_alpha");
  const isRankStabilized = take("use_rslora") === true;
  const budget = patternBudget();
  const ranks = patternTable(take("rank_pattern"), "rank_pattern", rankOf, budget);
  const alphas = patternTable(take("alpha_pattern"), "alpha_pattern", finite, budget);
  const targets = targetsOf(take, budget);
  for (const [field, value] of fields) {
    if (!WITHOUT_EFFECT.has(field) && !isEmpty(value)) throw unsupported(field, value);
  }
  return {
    rank,
    alpha,
    targets,
    layer(layer) {
      const ownRank = ranks(layer) ?? rank;
      const ownAlpha = alphas(layer) ?? alpha;
      return { rank: ownRank, scale: ownAlpha / (isRankStabilized ? Math.sqrt(ownRank) : ownRank) };
    },
  };
}

function parseObject(text: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid("it is not JSON", cause);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalid("it is not an object");
  return value;
}

/** The name is only ever shown. A URL, or a path that climbs, has no honest reason to be there. */
function checkBaseName(value: unknown): void {
  if (value === undefined || value === null) return;
  const isHarmless =
    typeof value === "string" &&
    value.length <= MAX_BASE_NAME_CHARS &&
    // oxlint-disable-next-line no-control-regex
    !/[\u0000-\u001f\u007f]/.test(value) &&
    !/^[a-z][a-z0-9+.-]+:\/\//i.test(value) &&
    !value.split(/[\\/]/).includes("..");
  if (!isHarmless) throw invalid("base_model_name_or_path is neither a name nor a plain path");
}

/** `target_modules`, `exclude_modules` and `layers_to_transform`, by PEFT's rules for module names. */
function targetsOf(take: (field: string) => unknown, budget: PatternBudget): AdapterConfig["targets"] {
  const wanted = take("target_modules");
  const isAll = typeof wanted === "string" && wanted.toLowerCase() === "all-linear";
  const isTarget = isAll ? () => true : namesOf(wanted, "target_modules", budget);
  const excluded = take("exclude_modules");
  const isExcluded = isEmpty(excluded) ? () => false : namesOf(excluded, "exclude_modules", budget);
  const layersPattern = take("layers_pattern");
  if (!isEmpty(layersPattern) && layersPattern !== "layers" && String(layersPattern) !== "layers")
    throw unsupported("layers_pattern", layersPattern);
  const chosen = take("layers_to_transform");
  const layers = isEmpty(chosen) ? null : [chosen].flat();
  if (layers !== null && typeof wanted === "string") throw unsupported("layers_to_transform", chosen);
  if (layers !== null && !layers.every((layer) => Number.isInteger(layer)))
    throw invalid("layers_to_transform must be whole numbers");
  return (name) => {
    const layer = Number(/^model\.layers\.(\d+)\./.exec(name)?.[1]);
    return isTarget(name) && !isExcluded(name) && (layers === null || layers.includes(layer));
  };
}

/** A list of module names, each of them whole or from a dot on, or one pattern for whole names. */
function namesOf(value: unknown, field: string, budget: PatternBudget): ModulePattern {
  if (typeof value === "string") return compilePattern(value, field, budget);
  if (!Array.isArray(value) || value.length === 0 || !value.every((name) => typeof name === "string"))
    throw invalid(`${field} must be a pattern or a list of module names`);
  const names = value as string[];
  return (layer) => names.some((name) => layer === name || layer.endsWith(`.${name}`));
}

/** A table from patterns to values; the first pattern that matches the whole name, or it from a dot on, decides. */
function patternTable<T>(
  value: unknown,
  field: string,
  check: (value: unknown, field: string) => T,
  budget: PatternBudget,
): (layer: string) => T | undefined {
  if (isEmpty(value)) return () => undefined;
  if (typeof value !== "object" || Array.isArray(value)) throw invalid(`${field} must be an object`);
  const entries = Object.entries(value as object);
  if (entries.length > MAX_PATTERNS) throw invalid(`${field} has more than ${MAX_PATTERNS} entries`);
  const rules = entries.map(([pattern, entry]) => ({
    matches: suffixPattern(pattern, field, budget),
    value: check(entry, `${field}.${pattern.slice(0, 100)}`),
  }));
  return (layer) => rules.find((rule) => rule.matches(layer))?.value;
}

/** Most tables list names, one for each layer: those are compared without an automaton, a dot being any character. */
function suffixPattern(pattern: string, field: string, budget: PatternBudget): ModulePattern {
  if (!/^[\w.]+$/.test(pattern)) {
    compilePattern(pattern, field, budget);
    return compilePattern(`(.*\\.)?(${pattern})`, field, budget);
  }
  return (layer) => {
    const start = layer.length - pattern.length;
    if (start < 0 || (start > 0 && layer[start - 1] !== ".")) return false;
    for (let i = 0; i < pattern.length; i++) if (pattern[i] !== "." && pattern[i] !== layer[start + i]) return false;
    return true;
  };
}

/** More patterns than a model with 200 layers has linear layers. */
const MAX_PATTERNS = 2_000;

function rankOf(value: unknown, field: string): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_RANK) return value;
  throw invalid(`${field} must be a whole number from 1 to ${MAX_RANK}`);
}

function finite(value: unknown, field: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(`${field} must be a number`);
}

/** The value of a feature that is not in use. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

const invalid = (what: string, cause?: unknown) =>
  new EngineError("adapter-invalid", `adapter_config.json: ${what}.`, cause === undefined ? {} : { cause });

function unsupported(field: string, value: unknown): EngineError {
  const shown = JSON.stringify(value)?.slice(0, 80) ?? "undefined";
  return new EngineError(
    "adapter-unsupported",
    `adapter_config.json: ${field.slice(0, 80)} = ${shown} would change what the adapter computes, and is not supported.`,
  );
}
