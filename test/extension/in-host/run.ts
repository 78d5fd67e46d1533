import { describeActivation } from "./activation.ts";
import { describeButtons } from "./buttons.ts";
import { describeConsent } from "./consent.ts";
import { describeReported } from "./reported.ts";
import { describeRetention } from "./retention.ts";
import { describeSuggestions } from "./suggestions.ts";
import { describeSuggestionsView } from "./suggestions-view.ts";
import { describeSurvival } from "./survival.ts";
import { describeServerLink } from "./server-link.ts";
import { diagnostics } from "./editor.ts";
import { resultsFile, runMocha } from "./mocha-run.ts";
import type { HostMeasures } from "../../support/vscode/extension-host.ts";
import { writeFileSync } from "node:fs";

/** Called by the editor. */
export async function run(): Promise<void> {
  try {
    await runMocha(() => {
      describeActivation();
      describeConsent();
      describeSuggestions();
      describeRetention();
      describeReported();
      describeButtons();
      describeSuggestionsView();
      describeServerLink();
      describeSurvival();
    });
  } finally {
    writeFileSync(`${resultsFile()}.measures`, JSON.stringify(measure()));
  }
}

function measure(): HostMeasures {
  const { activationMs, editCostsMs } = diagnostics();
  const sorted = [...editCostsMs].sort((a, b) => a - b);
  return { activationMs, editP99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0, edits: sorted.length };
}
