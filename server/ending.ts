/**
 * What has to be ended, last started first. Node.js 22 has no AsyncDisposableStack yet.
 */
export interface Ending extends AsyncDisposable {
  use<T extends Disposable | AsyncDisposable>(resource: T): T;
  defer(end: () => void | Promise<void>): void;
  /** Hands everything over to a new owner: disposing of this one does nothing from now on. */
  move(): Ending;
}

export function createEnding(steps: (() => void | PromiseLike<void>)[] = []): Ending {
  return {
    use(resource) {
      steps.push(() =>
        Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose](),
      );
      return resource;
    },
    defer: (end) => void steps.push(end),
    move: () => createEnding(steps.splice(0)),
    async [Symbol.asyncDispose]() {
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) await step();
    },
  };
}
