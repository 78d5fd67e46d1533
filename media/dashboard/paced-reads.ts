/** Reads again when there is something new, but at most once in a while: feedback comes in bursts. */
export class PacedReads implements Disposable {
  readonly #read: () => Promise<void>;
  readonly #gapMs: number;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #readAt = -Infinity;

  /** `gapMs` lies between two reads. */
  constructor(gapMs: number, read: () => Promise<void>) {
    this.#gapMs = gapMs;
    this.#read = read;
  }

  /** Something is new. The first read is at once. */
  ask(): void {
    if (this.#timer !== null) return;
    const wait = Math.max(0, this.#readAt + this.#gapMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.now();
    }, wait);
  }

  now(): void {
    this.#readAt = performance.now();
    void this.#read();
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
