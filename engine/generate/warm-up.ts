import { CHUNK_TOKENS, type TokenReader } from "./token-reader.ts";

/**
 * Longest run of the graph, milliseconds: a run cannot be cancelled, and a cancelled request has 30 ms to
 * leave the core. What is measured here reads after nothing; the same tokens late in a prompt take longer.
 */
const LONGEST_RUN_MS = 10;

/** Tokens of the run that is timed. */
const PROBE_TOKENS = 64;

/**
 * Run the graph before anyone waits for it: memory is touched, code is compiled, and the size of a run is
 * fitted to the machine. Takes about four runs.
 */
export async function warmUp(reader: TokenReader): Promise<void> {
  const ids = Array.from({ length: PROBE_TOKENS }, () => 0);
  await reader.readAll(ids, 1);
  const startedAt = performance.now();
  await reader.readAll(ids, 1);
  const tokenMs = (performance.now() - startedAt) / PROBE_TOKENS;
  reader.chunkTokens = CHUNK_TOKENS.findLast((size) => size * tokenMs <= LONGEST_RUN_MS) ?? CHUNK_TOKENS[0];
  await reader.readAll(ids.slice(0, 2), 1);
  await reader.readAfter(2, ids.slice(0, 1));
}
