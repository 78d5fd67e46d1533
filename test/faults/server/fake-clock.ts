// Shifts the wall clock of its process, as when a person sets it or a machine wakes up with another. Only a
// test loads it, by `--import`. The file that KEPT_FAKE_CLOCK names holds the shift in milliseconds, or
// `steps` for a clock that jumps an hour to and fro every 100 ms. The monotonic clock goes on as ever.
import { readFileSync } from "node:fs";

const file = process.env["KEPT_FAKE_CLOCK"]!;
const realNow = Date.now.bind(Date);
const shift = (): number => {
  const text = readFileSync(file, "utf8").trim();
  return text === "steps" ? (Math.floor(performance.now() / 100) % 2) * 3_600_000 : Number(text);
};
const RealDate = Date;
globalThis.Date = class extends RealDate {
  constructor(...args: [] | [number | string | Date]) {
    if (args.length === 0) super(realNow() + shift());
    else super(...(args as [number]));
  }
  static override now(): number {
    return realNow() + shift();
  }
} as DateConstructor;
