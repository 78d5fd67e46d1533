/** Every id that `package.json` contributes, typed once; a test compares the two. */

export const COMMANDS = [
  "kept.openMenu",
  "kept.rateUp",
  "kept.rateDown",
  "kept.withdrawRating",
  "kept.withdrawThumbUp",
  "kept.withdrawThumbDown",
  "kept.chooseReason",
  "kept.addComment",
  "kept.showSuggestions",
  "kept.revealSuggestion",
  "kept.copySuggestionId",
  "kept.reportGeneration",
  "kept.refreshSuggestions",
  "kept.filterSuggestions",
  "kept.clearFilter",
  "kept.groupByFile",
  "kept.groupByDay",
  "kept.pauseCapture",
  "kept.pauseCaptureHour",
  "kept.resumeCapture",
  "kept.allowCapture",
  "kept.chooseCaptureLevel",
  "kept.showRecorded",
  "kept.forgetSuggestion",
  "kept.forgetFile",
  "kept.forgetLastHour",
  "kept.forgetEverything",
  "kept.trainNow",
  "kept.openDashboard",
  "kept.explainSuggestion",
  "kept.showLog",
  "kept.openSettings",
  "kept.copyDiagnostics",
  "kept.setEndpointKey",
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
  "kept.suggest.holdBack",
  "kept.suggest.excludedLanguages",
  "kept.feedback.codeLens",
  "kept.feedback.lightBulb",
  "kept.feedback.gutterMark",
  "kept.capture.excludedFiles",
  "kept.capture.level",
  "kept.server.autoStart",
  "kept.server.dataDirectory",
  "kept.model.directory",
  "kept.model.endpoint",
  "kept.model.endpointModel",
  "kept.model.endpointProtocol",
] as const;
export type SettingId = (typeof SETTINGS)[number];

export const CONTEXT_KEYS = {
  /** Kept's own ghost text may be on screen. */
  suggestionVisible: "kept.suggestionVisible",
  /** There is a suggestion that a rating would apply to. */
  canRate: "kept.canRate",
  /** A suggestion was accepted, now or in the last days. */
  hasAccepted: "kept.hasAccepted",
  /** Kept runs in this window. */
  active: "kept.active",
  captureEnabled: "kept.captureEnabled",
  capturePaused: "kept.capturePaused",
  /** A rating in the editor on screen would apply to a suggestion of this very file. */
  ratableEditor: "kept.ratableEditor",
  /** Rating of the suggestion that the buttons mean: `none`, `up` or `down`. */
  rating: "kept.rating",
  /** Numbers of the lines on screen that are accepted code, from 1. */
  ratableLines: "kept.ratableLines",
  /** The *Suggestions* view is grouped by `day` or by `file`, and shows only some. */
  viewGrouping: "kept.viewGrouping",
  viewFiltered: "kept.viewFiltered",
  /** `connecting`, `connected`, `offline` or `stopped`. */
  serverState: "kept.serverState",
} as const;

export const WALKTHROUGH = "kept.start";
export const SUGGESTIONS_VIEW = "kept.suggestions";
/** Scheme of the read-only documents that explain a suggestion. */
export const RECORDED_SCHEME = "kept-recorded";
export const WHY_SCHEME = "kept-why";
