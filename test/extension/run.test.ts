import { tellHostTests } from "../support/vscode/host-tests.ts";

await tellHostTests("extension host", { entry: "test/extension/in-host/run.ts" });
