import { weightShapes, type DecoderConfig } from "../architectures/decoder-config.ts";
import { inverseFrequencies } from "../architectures/rope-scaling.ts";
import { EngineError } from "../engine-error.ts";
import { writeGguf, Q8_BLOCK, type GgufTensor, type GgufType, type GgufValue } from "./gguf-file.ts";
import { ggufArchitecture, ggufName, inGgufOrder } from "./gguf-names.ts";
import { ggufTokenizer, type TokenizerDefinition } from "./gguf-tokenizer.ts";

export interface GgufModelSource {
  readonly name: string;
  readonly config: DecoderConfig;
  /** A tensor of the checkpoint as float32, by its Hugging Face name. */
  readonly weight: (name: string) => Float32Array;
  /** Parsed `tokenizer.json`. A vocabulary smaller than the model's is filled up with unused tokens. */
  readonly tokenizer: TokenizerDefinition;
}

/** `general.file_type` of a whole model. */
const FILE_TYPES = { F32: 0, F16: 1, Q8_0: 7 } as const;

/** Version of the quantised blocks' layout, ggml's `GGML_QNT_VERSION`. */
const QUANTIZATION_VERSION = 2;

/**
 * Write a whole model for llama.cpp. Matrices have the given type, or F16 where their rows are no
 * multiple of a Q8_0 block; vectors stay F32. Throws export-unsupported.
 */
export function writeGgufModel(file: string, source: GgufModelSource, type: GgufType): void {
  const { config } = source;
  const architecture = ggufArchitecture(config);
  const tensors = [...weightShapes(config)].map(([name, shape]): GgufTensor => {
    const isBlocked = shape.at(-1)! % Q8_BLOCK === 0;
    return {
      name: ggufName(name),
      shape,
      type: shape.length === 1 ? "F32" : type === "Q8_0" && !isBlocked ? "F16" : type,
      values: () => inGgufOrder(config, architecture, name, source.weight(name)),
    };
  });
  const uint32 = (value: number): GgufValue => ({ kind: "uint32", value });
  const float32 = (value: number): GgufValue => ({ kind: "float32", value });
  const metadata = new Map<string, GgufValue>([
    ["general.architecture", { kind: "string", value: architecture }],
    ["general.type", { kind: "string", value: "model" }],
    ["general.name", { kind: "string", value: source.name }],
    ["general.file_type", uint32(FILE_TYPES[type])],
    ["general.quantization_version", uint32(QUANTIZATION_VERSION)],
    [`${architecture}.vocab_size`, uint32(config.vocabSize)],
    [`${architecture}.context_length`, uint32(config.contextTokens)],
    [`${architecture}.embedding_length`, uint32(config.hiddenSize)],
    [`${architecture}.feed_forward_length`, uint32(config.ffnSize)],
    [`${architecture}.block_count`, uint32(config.nLayers)],
    [`${architecture}.attention.head_count`, uint32(config.nHeads)],
    [`${architecture}.attention.head_count_kv`, uint32(config.nKvHeads)],
    [`${architecture}.attention.key_length`, uint32(config.headDim)],
    [`${architecture}.attention.value_length`, uint32(config.headDim)],
    [`${architecture}.attention.layer_norm_rms_epsilon`, float32(config.rmsNormEpsilon)],
    [`${architecture}.rope.dimension_count`, uint32(config.headDim)],
    [`${architecture}.rope.freq_base`, float32(config.ropeTheta)],
    ...ropeMetadata(architecture, config),
    ...ggufTokenizer(source.tokenizer, config.vocabSize),
  ]);
  writeGguf(file, metadata, [...ropeFactors(config), ...tensors]);
}

/** Positions divided by a factor. YaRN is refused: llama.cpp's own has other ramps and another attention factor. */
function ropeMetadata(architecture: string, { ropeScaling }: DecoderConfig): [string, GgufValue][] {
  if (ropeScaling?.kind === "yarn")
    throw new EngineError("export-unsupported", "The model's RoPE scaling (yarn) is not written to GGUF.");
  if (ropeScaling?.kind !== "linear") return [];
  return [
    [`${architecture}.rope.scaling.type`, { kind: "string", value: "linear" }],
    [`${architecture}.rope.scaling.factor`, { kind: "float32", value: ropeScaling.factor }],
  ];
}

/** Llama 3.1's stretched frequencies, as what llama.cpp divides the plain ones by. */
function ropeFactors(config: DecoderConfig): GgufTensor[] {
  const { headDim, ropeTheta, ropeScaling } = config;
  if (ropeScaling?.kind !== "llama3") return [];
  const plain = inverseFrequencies(headDim, { ropeTheta });
  const stretched = inverseFrequencies(headDim, config);
  const factors = Float32Array.from(plain, (frequency, i) => frequency / stretched[i]!);
  return [{ name: "rope_freqs.weight", shape: [factors.length], type: "F32", values: () => factors }];
}
