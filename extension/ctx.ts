import type { CommandId } from "./contributions.ts";
import type { EventRecorder } from "./observe/event-recorder.ts";
import type { PlaceKey } from "./observe/place-key.ts";
import type { CodePlaces } from "./observe/code-places.ts";
import type { SuggestionJournal } from "./observe/suggestion-journal.ts";
import type { ReportedPiece } from "./observe/reported-generation.ts";
import type { RetentionWatch } from "./observe/retention-watch.ts";
import type { SuggestionObserver } from "./observe/suggestion-observer.ts";
import type { Settings } from "./settings.ts";
import type { CaptureRules } from "./suggest/capture-rules.ts";
import type { EngineSupervisor } from "./suggest/engine-supervisor.ts";
import type { ExampleSource } from "./suggest/example-source.ts";
import type { HoldBack } from "./suggest/hold-back.ts";
import type { RejectedPlaces } from "./suggest/rejected-places.ts";
import type { SuggestionCache } from "./suggest/suggestion-cache.ts";
import type { SuggestionRecords } from "./suggest/suggestion-record.ts";
import type { ForgetQueue } from "./sync/forget-queue.ts";
import type { Outbox } from "./sync/outbox.ts";
import type { ServerLink } from "./sync/server-link.ts";
import type { Consent } from "./ui/consent.ts";
import type { RecordedPage } from "./ui/recorded-document.ts";
import type { RecordedLog } from "./ui/recorded-log.ts";
import type { StatusItem } from "./ui/status-item.ts";
import type { SuggestionsView } from "./ui/suggestions-view.ts";
import type * as vscode from "vscode";

/** Everything of one window, owned in one place and passed to the parts that need it. */
export interface Ctx {
  readonly extension: vscode.ExtensionContext;
  readonly log: vscode.LogOutputChannel;
  readonly settings: () => Settings;
  readonly consent: Consent;
  readonly rules: CaptureRules;
  /** Names that stand for places where paths may not be recorded. */
  readonly hidden: PlaceKey;
  readonly records: SuggestionRecords;
  readonly cache: SuggestionCache;
  readonly rejected: RejectedPlaces;
  readonly examples: ExampleSource;
  readonly engine: EngineSupervisor;
  /** Decides when to stay quiet. */
  readonly holdBack: HoldBack;
  readonly outbox: Outbox;
  readonly recorder: EventRecorder;
  /** The last events of this window, exactly as they were written. */
  readonly recorded: RecordedLog;
  readonly forgets: ForgetQueue;
  readonly recordedPage: RecordedPage;
  readonly observer: SuggestionObserver;
  readonly retention: RetentionWatch;
  /** Recent suggestions and what became of them, as they were recorded. */
  readonly journal: SuggestionJournal;
  /** Where accepted code of open documents stands. */
  readonly places: CodePlaces;
  readonly view: SuggestionsView;
  readonly signals: WindowSignals;
  readonly link: ServerLink;
  readonly status: StatusItem;
  /** How often the editor asked in a file that Kept leaves alone. */
  readonly counts: { leftAlone: number; accepted: number };
  /** Follows and records code that another extension has put into a document. */
  takeReported(piece: ReportedPiece): void;
  /** The suggestion accepted last in this window. */
  lastAccepted(): string | null;
  /** Folder of the companion server's data. */
  serverDataDir(): string;
  /** The state in one line, for the head of the menu. */
  statusLine(): string;
  /** Read what other windows and the server know of recent suggestions. */
  refreshSuggestions(): Promise<void>;
}

/** What changes in a window without a part of its own to listen to. */
export interface WindowSignals {
  /** Another suggestion is on screen, or none. */
  readonly onDidChangeVisible: vscode.Event<void>;
  /** Accepted code came, moved or went. */
  readonly onDidChangePlaces: vscode.Event<void>;
  /** The engine, the link or the consent is in another state. */
  readonly onDidChangeState: vscode.Event<void>;
}

export type CommandTable = Readonly<Record<CommandId, (...args: unknown[]) => unknown>>;
