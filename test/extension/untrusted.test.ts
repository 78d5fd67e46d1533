import { createHostileWorkspace } from "../support/vscode/hostile-workspace.ts";
import { tellHostTests } from "../support/vscode/host-tests.ts";

await tellHostTests("an untrusted folder", {
  entry: "test/extension/in-host/untrusted-run.ts",
  // Even with consent given for every folder.
  environment: { KEPT_CONSENT: "allow" },
  isTrusted: false,
  workspace: (runDir) => createHostileWorkspace(runDir, "export const a = 1;\n").folder,
});
