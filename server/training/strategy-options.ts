import { Option } from "commander";
import { strategy, trainingBackend } from "../../protocol/api.ts";

/** `--strategy` and `--backend` of the commands that train on a dataset, and of those that say how it is done. */
export const strategyOption = (about: string): Option =>
  new Option("--strategy <name>", about).choices(strategy.options);
export const backendOption = (about: string): Option =>
  new Option("--backend <name>", about).choices(trainingBackend.options);
