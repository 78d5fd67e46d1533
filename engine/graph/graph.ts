/**
 * A computation graph under construction: named values, nodes in execution order, and constants. It
 * is ONNX in all but encoding; see `encode.ts`. Shapes are static numbers in a training graph and may
 * hold symbols (such as "T") in an inference graph.
 */

export type ElementType = "float32" | "float64" | "float16" | "bfloat16" | "int64" | "int32" | "uint8" | "bool";
export type Dimension = number | string;
export type Shape = readonly Dimension[];

export interface Value {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: Shape;
  /** Of a graph's output: a sequence of such tensors, where it is not one tensor. */
  readonly isSequence?: true;
}

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface GraphNode {
  readonly op: string;
  /** "" is the ONNX standard set, "com.microsoft" ONNX Runtime's own operators. */
  readonly domain: "" | "com.microsoft";
  /** Null stands for an optional input that is left out. */
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export type ConstantData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

/**
 * A constant's values where they stand in a file: little-endian, row-major, at any offset. ONNX Runtime
 * maps the file, so they take no memory of the process until they are used, and none of its own then.
 */
export interface ExternalData {
  /** Absolute, without symbolic links: ONNX Runtime refuses one that leads out of the file's folder. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  readonly type: "float32" | "float16" | "bfloat16" | "uint8";
}

export interface Constant {
  readonly value: Value;
  readonly data: ConstantData | ExternalData;
}

export interface Graph {
  readonly name: string;
  /** Type of every real number in the graph: float32 to run, float64 to check gradients. */
  readonly real: "float32" | "float64";
  readonly inputs: Value[];
  readonly outputs: Value[];
  readonly constants: Constant[];
  readonly nodes: GraphNode[];
  /** Fresh names are numbered per graph, so the same construction gives the same bytes. */
  nextName: number;
}

export function createGraph(name: string, real: Graph["real"] = "float32"): Graph {
  return { name, real, inputs: [], outputs: [], constants: [], nodes: [], nextName: 0 };
}

export function addInput(graph: Graph, name: string, type: ElementType, shape: Shape): Value {
  const value = { name, type, shape };
  graph.inputs.push(value);
  return value;
}

/** Name a value as an output of the graph. */
export function addOutput(graph: Graph, name: string, value: Value): Value {
  const output = { ...value, name };
  graph.nodes.push({ op: "Identity", domain: "", inputs: [value], outputs: [output], attributes: {} });
  graph.outputs.push(output);
  return output;
}

export function addConstant(
  graph: Graph,
  data: ConstantData | ExternalData,
  shape: readonly number[],
  name?: string,
): Value {
  const value: Value = { name: name ?? freshName(graph, "c"), type: elementTypeOf(data), shape };
  graph.constants.push({ value, data });
  return value;
}

/** A real constant in the graph's own precision. */
export function addReal(graph: Graph, data: ArrayLike<number>, shape: readonly number[], name?: string): Value {
  return addConstant(graph, graph.real === "float64" ? Float64Array.from(data) : Float32Array.from(data), shape, name);
}

export function addNode(
  graph: Graph,
  op: string,
  inputs: readonly (Value | null)[],
  output: { readonly type: ElementType; readonly shape: Shape },
  attributes: GraphNode["attributes"] = {},
): Value {
  return addNodes(graph, op, "", inputs, [{ type: output.type, shape: output.shape }], attributes)[0]!;
}

export function addNodes(
  graph: Graph,
  op: string,
  domain: GraphNode["domain"],
  inputs: readonly (Value | null)[],
  outputs: readonly { readonly type: ElementType; readonly shape: Shape; readonly name?: string }[],
  attributes: GraphNode["attributes"],
): Value[] {
  const values = outputs.map(({ type, shape, name }) => ({
    name: name ?? freshName(graph, op.toLowerCase()),
    type,
    shape,
  }));
  graph.nodes.push({ op, domain, inputs, outputs: values, attributes });
  return values;
}

/** The shape as numbers. Throws when a symbol is left: the caller needs a static graph. */
export function staticShape(value: Value): readonly number[] {
  return value.shape.map((dimension) => {
    if (typeof dimension !== "number") throw new Error(`${value.name} has the symbolic dimension ${dimension}`);
    return dimension;
  });
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

function freshName(graph: Graph, stem: string): string {
  return `${stem}_${graph.nextName++}`;
}

function elementTypeOf(data: ConstantData | ExternalData): ElementType {
  if ("file" in data) return data.type;
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Float64Array) return "float64";
  if (data instanceof Uint8Array) return "uint8";
  return data instanceof Int32Array ? "int32" : "int64";
}
