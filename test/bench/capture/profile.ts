import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";

const SAMPLING_US = 100;

/** Writes a processor profile of this thread into `file`, for the browser's own viewer; nothing without a name. */
export async function profileWhile(file: string, work: () => Promise<void>): Promise<void> {
  if (file === "") return work();
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: SAMPLING_US });
  await session.post("Profiler.start");
  await work();
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  writeFileSync(file, JSON.stringify(profile));
}
