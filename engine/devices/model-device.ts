import { chooseProvider, type Choice, type Workload } from "./choice.ts";
import type { Device } from "./device.ts";
import { createFindingCache, type FindingCache } from "./finding-cache.ts";
import { notify, type Notify } from "./notice.ts";

/** The provider for a model on this machine; says so when it is not the one that was asked for. */
export async function deviceForModel(
  wanted: Device,
  work: Workload,
  findings: Pick<FindingCache, "find"> = createFindingCache(),
  say: Notify = notify,
): Promise<Choice> {
  const choice = await chooseProvider(wanted, work, (provider) => findings.find(provider));
  if (choice.isFallback) say({ code: "device-unavailable", message: `Running on the CPU, since ${choice.reason}.` });
  return choice;
}
