/** Every id that `package.json` contributes, typed once; a test compares the two. */

export const COMMANDS = [
  "kept.openMenu",
  "kept.rateUp",
  "kept.rateDown",
  "kept.withdrawRating",
  "kept.pauseCapture",
  "kept.pauseCaptureHour",
  "kept.resumeCapture",
  "kept.allowCapture",
  "kept.chooseCaptureLevel",
  "kept.trainNow",
  "kept.openDashboard",
  "kept.explainSuggestion",
  "kept.showLog",
  "kept.acceptNextWord",
  "kept.acceptNextLine",
  "kept.rejectSuggestion",
  "kept.openWalkthrough",
] as const;
export type CommandId = (typeof COMMANDS)[number];

/** Registered, but run only by Kept itself: hence not contributed. */
export const ACCEPTED_COMMAND = "kept.suggestionAccepted";

export const SETTINGS = [
  "kept.suggest.enabled",
  "kept.suggest.debounceMs",
  "kept.suggest.maxTokens",
  "kept.suggest.threads",
  "kept.suggest.examples",
  "kept.suggest.openFiles",
  "kept.suggest.excludedLanguages",
  "kept.feedback.codeLens",
  "kept.capture.excludedFiles",
  "kept.capture.level",
  "kept.server.autoStart",
  "kept.server.dataDirectory",
  "kept.model.directory",
] as const;
export type SettingId = (typeof SETTINGS)[number];

export const CONTEXT_KEYS = {
  /** Kept's own ghost text may be on screen. */
  suggestionVisible: "kept.suggestionVisible",
  /** There is a suggestion that a rating would apply to. */
  canRate: "kept.canRate",
  captureEnabled: "kept.captureEnabled",
  /** `connecting`, `connected`, `offline` or `stopped`. */
  serverState: "kept.serverState",
} as const;

export const WALKTHROUGH = "kept.start";
/** Scheme of the read-only documents that explain a suggestion. */
export const WHY_SCHEME = "kept-why";
