import { CAPTURE_LEVELS, type CaptureLevel } from "../core/capture-level.ts";
import { PROTOCOLS, type Protocol } from "./suggest/endpoint/endpoint-protocol.ts";
import * as vscode from "vscode";

/** The settings that the typing path reads, parsed once for each change of configuration. */
export interface Settings {
  readonly enabled: boolean;
  readonly debounceMs: number;
  readonly maxTokens: number;
  /** Threads of the engine; 0 lets Kept choose. */
  readonly threads: number;
  /** Most in-context examples of a prompt. */
  readonly examples: number;
  /** Most excerpts of other open files of a prompt. */
  readonly neighbours: number;
  /** Whether suggestions that are hardly ever taken are held back. */
  readonly holdBack: boolean;
  readonly excludedLanguages: ReadonlySet<string>;
  readonly codeLens: CodeLensMode;
  readonly lightBulb: boolean;
  readonly gutterMark: boolean;
  readonly excludedFiles: readonly string[];
  /** The highest level that any folder may be recorded at. */
  readonly captureLevel: CaptureLevel;
  readonly autoStart: boolean;
  readonly dataDirectory: string;
  readonly modelDirectory: string;
  /** Address of a model server that suggestions come from; empty for the engine in this editor. */
  readonly endpoint: string;
  readonly endpointModel: string;
  readonly endpointProtocol: Protocol | "auto";
}

const CODE_LENS_MODES = ["off", "untilRated", "always"] as const;
export type CodeLensMode = (typeof CODE_LENS_MODES)[number];

/** The setting was a switch until 0.1; where it still is one, this is what it says. */
export function codeLensMode(value: unknown): CodeLensMode | null {
  if (typeof value === "boolean") return value ? "always" : "off";
  return CODE_LENS_MODES.find((mode) => mode === value) ?? null;
}

export function readSettings(): Settings {
  const from = vscode.workspace.getConfiguration("kept");
  return {
    enabled: from.get("suggest.enabled", true),
    debounceMs: from.get("suggest.debounceMs", 75),
    maxTokens: from.get("suggest.maxTokens", 64),
    threads: from.get("suggest.threads", 0),
    examples: from.get("suggest.examples", 3),
    neighbours: from.get("suggest.openFiles", 2),
    holdBack: from.get("suggest.holdBack", true),
    excludedLanguages: new Set(from.get<string[]>("suggest.excludedLanguages", [])),
    codeLens: codeLensMode(from.get("feedback.codeLens")) ?? "untilRated",
    lightBulb: from.get("feedback.lightBulb", true),
    gutterMark: from.get("feedback.gutterMark", false),
    excludedFiles: from.get<string[]>("capture.excludedFiles", []),
    // An unknown word is no consent.
    captureLevel: CAPTURE_LEVELS.find((level) => level === from.get("capture.level", "code")) ?? "off",
    autoStart: from.get("server.autoStart", true),
    dataDirectory: from.get("server.dataDirectory", ""),
    modelDirectory: from.get("model.directory", ""),
    endpoint: from.get("model.endpoint", "").trim(),
    endpointModel: from.get("model.endpointModel", "").trim(),
    endpointProtocol: PROTOCOLS.find((one) => one === from.get("model.endpointProtocol")) ?? "auto",
  };
}
