import { tellHostTests } from "../support/vscode/host-tests.ts";

await tellHostTests("faults in the editor", {
  entry: "test/extension/in-host/faults-run.ts",
  environment: { KEPT_CONSENT: "allow" },
});
