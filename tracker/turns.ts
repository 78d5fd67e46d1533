/** Work in the editor's process after which the others get their turn, milliseconds: with what follows it stays below five. */
const TURN_MS = 3;

/** Cuts long work into turns: `if (turns.isOver()) await turns.next();` between its steps. */
export interface Turns {
  isOver(): boolean;
  /** Lets everything that waits go first. */
  next(): Promise<void>;
}

export const createTurns = (): Turns => {
  let startedAt = performance.now();
  return {
    isOver: () => performance.now() - startedAt > TURN_MS,
    async next() {
      await new Promise((resolve) => setImmediate(resolve));
      startedAt = performance.now();
    },
  };
};
