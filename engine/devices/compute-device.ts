import type { GraphSession } from "../graph/session.ts";
import { createAttempts, type Attempts } from "./attempts.ts";
import type { Provider } from "./device.ts";
import { devicesFolder } from "./finding-cache.ts";
import { notify, type Notify } from "./notice.ts";

/**
 * Where the graphs of one model run. When the device fails, in compiling or in a later run (it is lost, its
 * memory is full), all of them go on with the CPU, and that is said once.
 */
export interface ComputeDevice {
  /** The CPU from the first failure on. */
  readonly provider: Provider;
  /**
   * A session that moves to the CPU with the others. A run that failed is done again: outputs that the
   * caller brought are written by the run that succeeds.
   *
   * @param compile makes the session on a provider; called again when it has to move
   */
  open(compile: (provider: Provider) => Promise<GraphSession>): Promise<GraphSession>;
}

export function createComputeDevice(
  wanted: Provider,
  say: Notify = notify,
  attempts: Pick<Attempts, "begin" | "end"> = createAttempts(devicesFolder()),
): ComputeDevice {
  let provider = wanted;
  /** Open from the first session on the device to its first result or failure. */
  let attempt: "none" | "open" | "over" = wanted === "cpu" ? "over" : "none";
  const begin = (): void => {
    if (attempt !== "none") return;
    attempt = "open";
    attempts.begin(wanted);
  };
  const end = (): void => {
    if (attempt !== "open") return;
    attempt = "over";
    attempts.end(wanted);
  };

  /** Does the work on the device; what fails there is done again on the CPU. */
  async function withFallback<T>(what: string, work: (provider: Provider) => Promise<T>): Promise<T> {
    const tried = provider;
    try {
      return await work(tried);
    } catch (error) {
      if (tried === "cpu") throw error;
      end();
      if (provider !== "cpu") {
        provider = "cpu";
        const reason = (error as Error).message.trim();
        say({ code: "device-failed", message: `${tried} ${what}; going on with the CPU. ${reason}` });
      }
      return work("cpu");
    }
  }

  return {
    get provider() {
      return provider;
    },
    async open(compile) {
      const compiled = (on: Provider) => compile(on).then((session) => ({ on, session }));
      begin();
      let current = await withFallback("could not compile the model", compiled);
      const sessionOn = async (on: Provider): Promise<GraphSession> => {
        if (current.on !== on) {
          const left = current;
          current = await compiled(on);
          // What is left may be lost, and releasing it fail; nothing depends on it.
          await left.session.release().catch(() => undefined);
        }
        return current.session;
      };
      const run = <T>(work: (session: GraphSession) => Promise<T>): Promise<T> =>
        withFallback("failed in a run", async (on) => {
          const result = await work(await sessionOn(on));
          end();
          return result;
        });
      return {
        run: (feeds, fetches) => run((session) => session.run(feeds, fetches)),
        runInPlace: (feeds, outputs) => run((session) => session.runInPlace(feeds, outputs)),
        async release() {
          end();
          await current.session.release();
        },
      };
    },
  };
}
