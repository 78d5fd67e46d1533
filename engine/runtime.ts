// The only door to ONNX Runtime. The order matters: what keeps it silent has to be set before it is loaded.
import "./no-telemetry.ts";
export { InferenceSession, listSupportedBackends, Tensor } from "onnxruntime-node";
