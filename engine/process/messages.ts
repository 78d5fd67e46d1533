import type { EngineErrorCode } from "../engine-error.ts";
import type { Completion, CompletionRequest } from "../generate/completion.ts";

/** Messages between a host (extension host, replay) and the engine process, over Node's IPC channel. */

export type HostMessage =
  | { readonly kind: "load"; readonly modelDir: string; readonly threads: number }
  /** Serve with the PEFT folder `dir` from the next request on; `null` is the base model alone. */
  | { readonly kind: "set-adapter"; readonly id: number; readonly adapter: { version: string; dir: string } | null }
  | { readonly kind: "complete"; readonly id: number; readonly request: CompletionRequest }
  | { readonly kind: "cancel"; readonly id: number };

export type EngineMessage =
  | { readonly kind: "ready"; readonly model: LoadedModel }
  | { readonly kind: "adapter-set"; readonly id: number; readonly version: string | null }
  | { readonly kind: "completed"; readonly id: number; readonly completion: Completion }
  | { readonly kind: "failed"; readonly id: number | null; readonly code: EngineErrorCode; readonly message: string };

export interface LoadedModel {
  readonly name: string;
  /** sha256 over the weight files. */
  readonly sha256: string;
  readonly nParameters: number;
  readonly contextTokens: number;
}
