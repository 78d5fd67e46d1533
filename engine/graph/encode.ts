import { create, toBinary } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
} from "onnx-buf";
import type { Attribute, Constant, ElementType, Graph, GraphNode, Value } from "./graph.ts";

/** Version of the ONNX file format and of the standard operator set that the graphs are written in. */
const IR_VERSION = 9n;
const OPSET = 20n;

const DATA_TYPES: Record<ElementType, TensorProto_DataType> = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  int64: TensorProto_DataType.INT64,
  int32: TensorProto_DataType.INT32,
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
  return create(ValueInfoProtoSchema, {
    name: value.name,
    type: {
      value: {
        case: "tensorType",
        value: {
          elemType: DATA_TYPES[value.type],
          shape: {
            dim: value.shape.map((dimension) => ({
              value:
                typeof dimension === "number"
                  ? { case: "dimValue" as const, value: BigInt(dimension) }
                  : { case: "dimParam" as const, value: dimension },
            })),
          },
        },
      },
    },
  });
}

function encodeConstant({ value, data }: Constant) {
  return create(TensorProtoSchema, {
    name: value.name,
    dataType: DATA_TYPES[value.type],
    dims: value.shape.map((dimension) => BigInt(dimension)),
    rawData: new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  });
}
