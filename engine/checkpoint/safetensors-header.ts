import { EngineError } from "../engine-error.ts";
import { createHeaderReader, type HeaderReader } from "./header-reader.ts";

/**
 * The JSON header of a safetensors file, read by its own small grammar: `JSON.parse` would accept
 * duplicate names, round 64-bit offsets and lose a tensor called `__proto__`. The checks are those of the
 * reference implementation (huggingface/safetensors, README "Format").
 */
export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** First byte and the byte after the last, from the start of the data. */
  readonly start: number;
  readonly end: number;
}

/** Bits of an element of each type of the format. */
const ELEMENT_BITS: ReadonlyMap<string, number> = new Map(
  Object.entries({
    "4": ["F4"],
    "6": ["F6_E2M3", "F6_E3M2"],
    "8": ["BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"],
    "16": ["I16", "U16", "F16", "BF16"],
    "32": ["I32", "U32", "F32"],
    "64": ["I64", "U64", "F64", "C64"],
  }).flatMap(([bits, types]) => types.map((type) => [type, Number(bits)] as const)),
);

/** Tensors of one file. The models that Kept can run have at most a few thousand; more cost time to read. */
const MAX_TENSORS = 20_000;

/** Entries of the metadata; training tools write a handful, some a hundred. */
const MAX_METADATA = 1_000;

/** Axes of one tensor; a decoder's have two. */
const MAX_DIMENSIONS = 8;

/** Read a header of a file with `dataBytes` bytes of data. Throws checkpoint-invalid. */
export function parseHeader(bytes: Uint8Array, dataBytes: number): Map<string, TensorEntry> {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw invalidFile("the header is not UTF-8");
  }
  const tensors = new Map<string, TensorEntry>();
  let hasMetadata = false;
  const reader = createHeaderReader(text, (message) => invalidFile(message));
  // Padding may follow the object; nothing may precede it.
  if (!text.startsWith("{")) throw invalidFile("the header does not start with {");
  reader.object((name) => {
    if (name === "__metadata__") {
      if (hasMetadata) throw invalidFile("__metadata__ is there twice");
      hasMetadata = true;
      readMetadata(reader);
      return;
    }
    if (tensors.has(name)) throw invalidFile(`${shown(name)} is there twice`);
    if (tensors.size === MAX_TENSORS) throw invalidFile(`it has more than ${MAX_TENSORS} tensors`);
    tensors.set(name, readEntry(reader, name));
  });
  reader.end();
  checkLayout(tensors, dataBytes);
  return tensors;
}

export const invalidFile = (message: string): EngineError =>
  new EngineError("checkpoint-invalid", `Not a valid safetensors file: ${message}.`);

/** A tensor's name for a message: short, on one line. */
export const shown = (name: string): string => JSON.stringify(name.slice(0, 80)).slice(1, -1);

function readMetadata(reader: HeaderReader): void {
  const keys = new Set<string>();
  reader.object((key) => {
    if (keys.has(key)) throw invalidFile("__metadata__ has a key twice");
    if (keys.size === MAX_METADATA) throw invalidFile(`__metadata__ has more than ${MAX_METADATA} entries`);
    keys.add(key);
    reader.string();
  });
}

function readEntry(reader: HeaderReader, name: string): TensorEntry {
  let dtype: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  reader.object((field) => {
    if (field === "dtype" && dtype === undefined) dtype = reader.string();
    else if (field === "shape" && !shape) shape = reader.integers(MAX_DIMENSIONS, `${shown(name)} has no proper shape`);
    else if (field === "data_offsets" && !offsets) offsets = reader.integers(2, `${shown(name)} has no proper offsets`);
    else throw invalidFile(`${shown(name)} has the field ${shown(field)} twice or beyond the format`);
  });
  if (dtype === undefined || !shape || offsets?.length !== 2)
    throw invalidFile(`${shown(name)} lacks its type, shape or offsets`);
  const [start, end] = offsets as [number, number];
  if (end - start !== sizeInBytes(name, dtype, shape))
    throw invalidFile(`the bytes of ${shown(name)} do not fit its shape`);
  return { dtype, shape, start, end };
}

function sizeInBytes(name: string, dtype: string, shape: readonly number[]): number {
  const bits = ELEMENT_BITS.get(dtype);
  if (bits === undefined) throw invalidFile(`${shown(name)} has the unsupported type ${shown(dtype)}`);
  let total = bits;
  for (const dimension of shape) total *= dimension;
  // A product above this is rounded, and no file is that long.
  if (total > Number.MAX_SAFE_INTEGER) throw invalidFile(`the shape of ${shown(name)} is beyond any file`);
  if (total % 8 !== 0) throw invalidFile(`${shown(name)} ends within a byte`);
  return total / 8;
}

/** Tensors must cover the data from end to end, each byte once. */
function checkLayout(tensors: ReadonlyMap<string, TensorEntry>, dataBytes: number): void {
  let at = 0;
  for (const [name, { start, end }] of [...tensors].toSorted(([, a], [, b]) => a.start - b.start || a.end - b.end)) {
    if (start !== at) throw invalidFile(`${shown(name)} ${start < at ? "overlaps another tensor" : "follows a hole"}`);
    if (end > dataBytes) throw invalidFile(`${shown(name)} ends beyond the file`);
    at = end;
  }
  if (at !== dataBytes) throw invalidFile("bytes follow the last tensor");
}
