/** What is wrong with a model, an adapter or a request, under a documented code. */
export type EngineErrorCode =
  | "MODEL_NOT_FOUND"
  | "MODEL_UNSUPPORTED"
  | "CHECKPOINT_INVALID"
  | "ADAPTER_INVALID"
  | "ADAPTER_MISMATCH"
  | "TOKENIZER_INVALID"
  | "ENGINE_START"
  | "ENGINE_EXITED"
  | "ENGINE_LOAD_TIMEOUT"
  | "ENGINE_INTERNAL";

export class EngineError extends Error {
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EngineError";
    this.code = code;
  }
}
