/** States of the companion server that suggestions are measured beside. */
export type ServerState = "up" | "absent" | "hung" | "slow";

/** What the run inside the editor found. */
export interface CaptureReport {
  /** Handler time of each typed key, milliseconds. */
  readonly edits: readonly number[];
  /** Accepted suggestions that were followed meanwhile. */
  readonly tracked: number;
  readonly lines: number;
  /** From the provider's call to its answer, milliseconds; and the same without the engine's own time. */
  readonly latencies: Readonly<Record<ServerState, readonly number[]>>;
  readonly overheads: Readonly<Record<ServerState, readonly number[]>>;
  readonly activationMs: number;
  readonly activationCpuMs: number | null;
  readonly loadMs: number;
  readonly suggestions: number;
  readonly heapGrowthMb: number;
  readonly loadHeapMb: number;
}
