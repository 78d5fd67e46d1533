/** Cases between two lines of progress. */
const STEP = 50;

/** How a measure tells how far it is, and learns that it has to stop. */
export interface Progress {
  readonly signal: AbortSignal;
  say(line: string): void;
  /** A function to call once for each of `total` cases: says a line now and then. */
  counter(name: string, total: number): () => void;
}

export function createProgress(signal: AbortSignal, say: (line: string) => void): Progress {
  return {
    signal,
    say,
    counter(name, total) {
      let done = 0;
      return () => {
        done += 1;
        if (done % STEP === 0 || done === total) say(`${name}: ${done} of ${total}`);
      };
    },
  };
}
