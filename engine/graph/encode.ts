import { create, toBinary } from "@bufbuild/protobuf";
import path from "node:path";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { EngineError } from "../engine-error.ts";
import {
  sizeOf,
  staticShape,
  type Attribute,
  type Constant,
  type ElementType,
  type ExternalData,
  type Graph,
  type GraphNode,
  type Value,
} from "./graph.ts";

/** Version of the ONNX file format and of the standard operator set that the graphs are written in. */
const IR_VERSION = 9n;
const OPSET = 20n;

const DATA_TYPES: Record<ElementType, TensorProto_DataType> = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  float16: TensorProto_DataType.FLOAT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
};

/** The graph as the bytes of an ONNX model. */
export function encodeModel(graph: Graph): Uint8Array {
  const model = create(ModelProtoSchema, {
    irVersion: IR_VERSION,
    producerName: "kept",
    opsetImport: [
      create(OperatorSetIdProtoSchema, { domain: "", version: OPSET }),
      create(OperatorSetIdProtoSchema, { domain: "com.microsoft", version: 1n }),
    ],
    graph: create(GraphProtoSchema, {
      name: graph.name,
      node: graph.nodes.map(encodeNode),
      input: graph.inputs.map(encodeValue),
      output: graph.outputs.map(encodeValue),
      initializer: graph.constants.map(encodeConstant),
    }),
  });
  return toBinary(ModelProtoSchema, model);
}

function encodeNode(node: GraphNode) {
  return create(NodeProtoSchema, {
    opType: node.op,
    domain: node.domain,
    input: node.inputs.map((value) => value?.name ?? ""),
    output: node.outputs.map((value) => value.name),
    // Slice keeps its bounds as attributes for the gradient rule; ONNX reads them from its inputs.
    attribute:
      node.op === "Slice" ? [] : Object.entries(node.attributes).map(([name, value]) => encodeAttribute(name, value)),
  });
}

function encodeAttribute(name: string, value: Attribute) {
  if (typeof value === "string") {
    return create(AttributeProtoSchema, {
      name,
      type: AttributeProto_AttributeType.STRING,
      s: new TextEncoder().encode(value),
    });
  }
  if (typeof value === "number") {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INT, i: BigInt(value) });
  }
  if ("float" in value) {
    return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.FLOAT, f: value.float });
  }
  return create(AttributeProtoSchema, { name, type: AttributeProto_AttributeType.INTS, ints: value.map(BigInt) });
}

function encodeValue(value: Value) {
  const tensorType = {
    elemType: DATA_TYPES[value.type],
    shape: {
      dim: value.shape.map((dimension) => ({
        value:
          typeof dimension === "number"
            ? { case: "dimValue" as const, value: BigInt(dimension) }
            : { case: "dimParam" as const, value: dimension },
      })),
    },
  };
  const tensor = { value: { case: "tensorType" as const, value: tensorType } };
  const sequence = { value: { case: "sequenceType" as const, value: { elemType: tensor } } };
  return create(ValueInfoProtoSchema, { name: value.name, type: value.isSequence ? sequence : tensor });
}

function encodeConstant({ value, data }: Constant) {
  const dims = staticShape(value);
  const tensor = { name: value.name, dataType: DATA_TYPES[value.type], dims: dims.map(BigInt) };
  if (!("file" in data)) {
    const rawData = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    return create(TensorProtoSchema, { ...tensor, rawData });
  }
  checkExternalData(data, value.name, sizeOf(dims));
  const fields = { location: path.basename(data.file), offset: data.offset, length: data.length };
  return create(TensorProtoSchema, {
    ...tensor,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries(fields).map(([key, entry]) =>
      create(StringStringEntryProtoSchema, { key, value: String(entry) }),
    ),
  });
}

const EXTERNAL_ELEMENT_BYTES: Record<ExternalData["type"], number> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  uint8: 1,
};

/**
 * ONNX Runtime reads where it is told to. What it is told comes from file names and headers, so it is
 * checked here, whatever was checked before. Throws checkpoint-invalid.
 */
function checkExternalData({ file, offset, length, type }: ExternalData, name: string, nElements: number): void {
  const isPlace = path.isAbsolute(file) && path.normalize(file) === file && !file.includes("\0");
  const isRange = Number.isSafeInteger(offset) && offset >= 0 && length === nElements * EXTERNAL_ELEMENT_BYTES[type];
  if (!isPlace || !isRange)
    throw new EngineError("checkpoint-invalid", `The values of ${name} do not stand where its file can hold them.`);
}

/** The one folder that the graph's external data is in; null when it has none. Throws when there are several. */
export function externalFolder(graph: Graph): string | null {
  const folders = new Set(graph.constants.flatMap(({ data }) => ("file" in data ? [path.dirname(data.file)] : [])));
  if (folders.size > 1) throw new Error(`External data in ${folders.size} folders; ONNX Runtime reads one`);
  return [...folders][0] ?? null;
}
