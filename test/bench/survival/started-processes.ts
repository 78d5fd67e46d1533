import { subscribe, unsubscribe } from "node:diagnostics_channel";

/** Counts the processes that are started while something is done. */
export const countProcesses = async <T>(work: () => Promise<T>): Promise<{ nProcesses: number; result: T }> => {
  let nProcesses = 0;
  const count = (): void => {
    nProcesses += 1;
  };
  subscribe("child_process", count);
  try {
    const result = await work();
    return { nProcesses, result };
  } finally {
    unsubscribe("child_process", count);
  }
};
