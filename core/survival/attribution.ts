/** Tokens of a snippet side by side on one line of a file. */
export interface StandingTokens {
  readonly sid: string;
  /** Counted from 1. */
  readonly line: number;
  readonly nTokens: number;
}

/** Where the tokens of all followed snippets stand in one tree, by the path of the file. */
export type StandingCode = ReadonlyMap<string, readonly StandingTokens[]>;

export interface NamedLines {
  readonly path: string;
  /** Both ends included, counted from 1. */
  readonly first: number;
  readonly last: number;
}

export interface Attribution {
  /** Part of the tokens on the lines that are each snippet's; together 1, or empty. */
  readonly shares: ReadonlyMap<string, number>;
  /** Lines on which no snippet stands. */
  readonly linesWithout: number;
}

/** Who wrote the named lines, shared by the number of tokens (learning.md section 1). A line named twice counts once. */
export function attributeLines(named: readonly NamedLines[], standing: StandingCode): Attribution {
  const nTokens = new Map<string, number>();
  let total = 0;
  let linesWithout = 0;
  for (const [path, ranges] of Map.groupBy(named, (lines) => lines.path)) {
    const here = Map.groupBy(standing.get(path) ?? [], ({ line }) => line);
    for (const { first, last } of joined(ranges)) {
      let nFound = 0;
      for (const [line, runs] of here) {
        if (line < first || line > last) continue;
        nFound += 1;
        for (const run of runs) {
          nTokens.set(run.sid, (nTokens.get(run.sid) ?? 0) + run.nTokens);
          total += run.nTokens;
        }
      }
      linesWithout += last - first + 1 - nFound;
    }
  }
  return { shares: new Map([...nTokens].map(([sid, n]) => [sid, n / total])), linesWithout };
}

/** Ranges in order, overlapping and touching ones joined. */
function joined(ranges: readonly NamedLines[]): { first: number; last: number }[] {
  const result: { first: number; last: number }[] = [];
  for (const { first, last } of [...ranges].sort((left, right) => left.first - right.first)) {
    const before = result.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else result.push({ first, last });
  }
  return result;
}
