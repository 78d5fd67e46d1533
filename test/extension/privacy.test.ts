import { tellHostTests } from "../support/vscode/host-tests.ts";

await tellHostTests("privacy", { entry: "test/extension/in-host/privacy-run.ts" });
