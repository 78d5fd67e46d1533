/**
 * A run of a row's tokens as queries. The keys that any of them may see end where the queries end, so
 * that scores above the diagonal are computed within a tile only.
 */
export interface Tile {
  readonly start: number;
  readonly end: number;
}

/** Queries of a tile: half of what lies above the diagonal of a row of 256 is left out, and products stay large. */
const TILE_TOKENS = 128;

/** The tiles of a row of S tokens, from its start. */
export function rowTiles(rowTokens: number): readonly Tile[] {
  return Array.from({ length: Math.ceil(rowTokens / TILE_TOKENS) }, (_, i) => ({
    start: i * TILE_TOKENS,
    end: Math.min(rowTokens, (i + 1) * TILE_TOKENS),
  }));
}
