/** So many at once; whoever comes later waits, in the order of coming. */
export interface Semaphore {
  /** Resolves when there is room; disposing gives it to the next. */
  acquire(): Promise<Disposable>;
}

export function createSemaphore(nAtOnce: number): Semaphore {
  const waiting: (() => void)[] = [];
  let nFree = nAtOnce;
  const give = (): Disposable => {
    let isOver = false;
    return {
      [Symbol.dispose]() {
        if (isOver) return;
        isOver = true;
        const next = waiting.shift();
        if (next === undefined) nFree += 1;
        else next();
      },
    };
  };
  return {
    async acquire() {
      if (nFree > 0) nFree -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
      return give();
    },
  };
}
