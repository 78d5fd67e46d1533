import type { EngineErrorCode } from "../engine-error.ts";
import type { IndexedExample } from "../retrieve/example-index.ts";
import type { NeighbourFile } from "../retrieve/neighbour-index.ts";
import type { Dialect } from "../tokenizer/dialect.ts";
import type { Completion, CompletionRequest, PromptExample } from "../generate/completion.ts";

/** Messages between a host (extension host, replay) and the engine process, over Node's IPC channel. */

/** Look for examples in the engine's index; they stand before those that the request brings. */
export interface Retrieval {
  readonly language: string;
  /** Workspace folder that the examples must belong to. */
  readonly root: string;
  readonly limit: number;
  /** Most excerpts of neighbouring files; none when left out. */
  readonly neighbours?: number;
  /** Copy from the folder's examples although the request brings those for the prompt itself. */
  readonly remembers?: boolean;
}

/** A completion, and what it was made with: ids of the index's examples, and excerpts of neighbouring files. */
export interface ServedCompletion extends Completion {
  readonly exampleIds: readonly string[];
  readonly neighbours: readonly PromptExample[];
}

/** A request as a model on another server can be asked it. */
export interface PreparedRequest {
  /** What was looked up, in the order of the prompt; null is the id of an excerpt of a neighbouring file. */
  readonly examples: readonly (PromptExample & { readonly id: string | null })[];
  /** With the markers of the dialect that was named; without any where none was. */
  readonly text: string;
  /** How many of the examples are in the text: the last ones. */
  readonly nInText: number;
}

export type HostMessage =
  /** Without a folder nothing is loaded: the process prepares requests for another server. */
  | { readonly kind: "load"; readonly modelDir: string | null; readonly threads: number }
  | {
      readonly kind: "prepare";
      readonly id: number;
      readonly request: CompletionRequest;
      readonly retrieve: Retrieval | null;
      readonly dialect: Dialect["name"];
    }
  /** Cut off what another server wrote where a suggestion ends. */
  | {
      readonly kind: "shape";
      readonly id: number;
      readonly request: Pick<CompletionRequest, "prefix" | "suffix" | "lines">;
      readonly text: string;
    }
  /** Serve with the PEFT folder `dir` from the next request on; `null` is the base model alone. */
  | { readonly kind: "set-adapter"; readonly id: number; readonly adapter: { version: string; dir: string } | null }
  /** Replace the example index. The last example counts as the newest. */
  | { readonly kind: "set-examples"; readonly id: number; readonly examples: readonly IndexedExample[] }
  /** Add examples to the index, or replace those with the same ids. The last one counts as the newest. */
  | { readonly kind: "add-examples"; readonly id: number; readonly examples: readonly IndexedExample[] }
  /** Replace the files that excerpts are taken from. */
  | { readonly kind: "set-neighbours"; readonly id: number; readonly files: readonly NeighbourFile[] }
  | {
      readonly kind: "complete";
      readonly id: number;
      readonly request: CompletionRequest;
      readonly retrieve: Retrieval | null;
      /** Send the text as it grows. */
      readonly stream?: boolean;
      /** Serve this request alone with another adapter than `set-adapter` said; null is the base model alone. */
      readonly adapter?: { version: string; dir: string } | null;
      /** A waiting request that says so too ends as cancelled when a newer one comes. */
      readonly turn?: "latest";
    }
  /** Several different completions of one request, the most probable first. */
  | {
      readonly kind: "candidates";
      readonly id: number;
      readonly request: CompletionRequest;
      readonly retrieve: Retrieval | null;
      readonly count: number;
      /** As for `complete`. */
      readonly adapter?: { version: string; dir: string } | null;
    }
  | { readonly kind: "cancel"; readonly id: number };

export type EngineMessage =
  | { readonly kind: "ready"; readonly model: LoadedModel }
  | { readonly kind: "adapter-set"; readonly id: number; readonly version: string | null }
  | { readonly kind: "examples-set"; readonly id: number }
  | { readonly kind: "neighbours-set"; readonly id: number }
  | { readonly kind: "prepared"; readonly id: number; readonly prepared: PreparedRequest }
  | { readonly kind: "shaped"; readonly id: number; readonly text: string }
  /** The text of a streamed request after another token, as it would be shown if that were the last. */
  | { readonly kind: "text"; readonly id: number; readonly text: string }
  | { readonly kind: "completed"; readonly id: number; readonly completion: ServedCompletion }
  | { readonly kind: "candidates-made"; readonly id: number; readonly completions: readonly ServedCompletion[] }
  /** Something that a person should know and that stopped nothing. */
  | { readonly kind: "notice"; readonly id: null; readonly code: EngineErrorCode; readonly message: string }
  | { readonly kind: "failed"; readonly id: number | null; readonly code: EngineErrorCode; readonly message: string };

export interface LoadedModel {
  readonly name: string;
  /** sha256 over the weight files. */
  readonly sha256: string;
  readonly nParameters: number;
  readonly contextTokens: number;
  /** Name of the dialect of fill-in-the-middle prompts, `none` for a model that only goes on from the prefix. */
  readonly fillInTheMiddle: string;
}
