/** States of the companion server that suggestions are measured beside. */
export type ServerState = "up" | "absent" | "hung" | "slow";

/** What the run inside the editor found; a phase that was not asked for is not there. */
export interface CaptureReport {
  readonly activationMs: number;
  readonly activationCpuMs: number | null;
  readonly loadMs: number;
  readonly loadHeapMb: number;
  readonly servers?: ServerReport;
  readonly typing?: TypingReport;
  readonly memory?: MemoryReport;
}

/** From the provider's call to its answer, and the engine's own part of that, milliseconds. */
export interface Sample {
  readonly latencyMs: number;
  readonly engineMs: number;
}

/** Rounds of all states in turn. */
export interface ServerReport {
  readonly rounds: readonly Readonly<Record<ServerState, readonly Sample[]>>[];
}

export interface TypingReport {
  /** Handler time of each typed key, milliseconds. */
  readonly edits: readonly number[];
  /** Processor time of the same handlers; empty where it is not told. */
  readonly editsCpu: readonly number[];
  /** Accepted suggestions that were followed meanwhile. */
  readonly tracked: number;
  readonly lines: number;
  /** Edits over a millisecond, and those of them in which garbage was collected. */
  readonly nSlow: number;
  readonly nSlowCollected: number;
}

export interface MemoryReport {
  readonly suggestions: number;
  readonly accepted: number;
  /** Heap and buffers in use after a collection, 2^20 bytes. */
  readonly heapGrowthMb: number;
  readonly secondHalfMb: number;
}
