import type { Command } from "commander";
import { addGitAiExport } from "../adoption/export-git-ai.ts";
import { addImportCommands } from "../adoption/import-command.ts";
import { addArchiveExport, addArchiveImport } from "../archive/archive-command.ts";
import { addImportDecisions } from "./import-decisions.ts";
import type { CommandParts } from "./command-parts.ts";

/** Adds `kept export …`. */
export function addExportCommands(program: Command, parts: CommandParts): void {
  const group = program.command("export").description("write everything into an archive, or notes for other tools");
  addArchiveExport(group, parts);
  addGitAiExport(group, parts);
}

/** Adds `kept import …`. */
export function addImportGroup(program: Command, parts: CommandParts): void {
  const group = program.command("import").description("take in an archive, or what other tools recorded of code");
  addArchiveImport(group, parts);
  addImportCommands(group, parts);
  addImportDecisions(group, parts);
}
