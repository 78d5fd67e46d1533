import { runMocha } from "./mocha-run.ts";
import { describeHostileInputs } from "./hostile-inputs.ts";
import { describePrivacy } from "./privacy.ts";

/** Called by the editor, in a host of its own: what is recorded here is forgotten here. */
export async function run(): Promise<void> {
  await runMocha(() => {
    describePrivacy();
    describeHostileInputs();
  });
}
