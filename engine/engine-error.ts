/** What is wrong with a model, an adapter or a request, under a documented code. */
export type EngineErrorCode =
  | "model-not-found"
  | "model-unsupported"
  | "checkpoint-invalid"
  | "adapter-invalid"
  | "adapter-mismatch"
  | "adapter-unsupported"
  | "export-unsupported"
  | "tokenizer-invalid"
  | "no-fill-in-the-middle"
  | "quantised-cache-unavailable"
  | "engine-start"
  | "engine-exited"
  | "engine-load-timeout"
  | "device-invalid"
  | "device-unavailable"
  | "device-failed"
  | "engine-internal";

export class EngineError extends Error {
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EngineError";
    this.code = code;
  }
}
