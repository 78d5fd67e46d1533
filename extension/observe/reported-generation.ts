import { cutIntoPieces } from "../../core/survival/pieces.ts";
import { locateReport, readReport } from "../../core/survival/reported-place.ts";
import type { Region } from "../../core/lifecycle/region.ts";
import type { Ctx } from "../ctx.ts";
import type { SuggestionRecords } from "../suggest/suggestion-record.ts";
import type { BufferFeed } from "../survive/buffer-feed.ts";
import type { TrackerFeed } from "../survive/tracker-feed.ts";
import type { CodePlaces } from "./code-places.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { MAX_PREFIX_CHARS, MAX_SUFFIX_CHARS } from "../suggest/prompt-window.ts";
import { v7 as uuidv7 } from "uuid";
import * as vscode from "vscode";

/** A piece of code that another extension has put into a document. */
export interface ReportedPiece {
  readonly suggestionId: string;
  readonly generator: { readonly tool: string; readonly model: string | null };
  /** Name of the document, as events of it bear. */
  readonly document: string;
  readonly region: Region;
  readonly text: string;
  readonly root: string;
  /** Relative to `root`, with forward slashes. */
  readonly path: string;
  readonly language: string;
  readonly line: number;
  readonly column: number;
  readonly prefix: string;
  readonly suffix: string;
}

/** What the command answers to its caller. */
export type ReportAnswer =
  | { readonly ok: true; readonly suggestionIds: readonly string[] }
  | {
      readonly ok: false;
      readonly reason: "invalid" | "no-document" | "outside-workspace" | "not-allowed" | "not-there";
    };

/**
 * `kept.reportGeneration`: follows and learns from code of another extension as if Kept had suggested it and the
 * developer had accepted it. Nothing is recorded of folders and files that Kept leaves alone.
 */
export async function reportGeneration(ctx: Ctx, argument: unknown): Promise<ReportAnswer> {
  const report = readReport(argument);
  const uri = report === null ? null : readUri((argument as { uri?: unknown }).uri);
  if (report === null || uri === null) return { ok: false, reason: "invalid" };
  const folder = vscode.workspace.getWorkspaceFolder(uri);
  if (!folder || uri.scheme !== "file") return { ok: false, reason: "outside-workspace" };
  const root = folder.uri.fsPath;
  const path = vscode.workspace.asRelativePath(uri, false);
  const isAllowed =
    vscode.workspace.isTrusted && ctx.consent.allows(root) && (await ctx.rules.known(root, path)) === null;
  if (!isAllowed) return { ok: false, reason: "not-allowed" };
  let document: vscode.TextDocument;
  try {
    document = await vscode.workspace.openTextDocument(uri);
  } catch {
    return { ok: false, reason: "no-document" };
  }
  const content = document.getText();
  const place = locateReport(report, content);
  if (place === null) return { ok: false, reason: "not-there" };
  const { tool, model } = report;
  const suggestionIds: string[] = [];
  let start = place.start;
  for (const { text } of cutIntoPieces(content.slice(place.start, place.end))) {
    const end = start + text.length;
    if (text.trim() !== "") {
      const suggestionId = uuidv7();
      const { line, character: column } = document.positionAt(start);
      ctx.takeReported({
        suggestionId,
        generator: { tool, model },
        document: uri.toString(),
        region: { start, end },
        text,
        root,
        path,
        language: document.languageId,
        line,
        column,
        prefix: content.slice(Math.max(0, start - MAX_PREFIX_CHARS), start),
        suffix: content.slice(end, end + MAX_SUFFIX_CHARS),
      });
      suggestionIds.push(suggestionId);
    }
    start = end;
  }
  return suggestionIds.length === 0 ? { ok: false, reason: "not-there" } : { ok: true, suggestionIds };
}

/** What a window follows accepted code with. */
export interface ReportParts {
  readonly records: SuggestionRecords;
  readonly recorder: EventRecorder;
  readonly buffer: Pick<BufferFeed, "accepted">;
  readonly survival: Pick<TrackerFeed, "follow">;
  readonly places: Pick<CodePlaces, "follow">;
}

/** Records a piece as shown and accepted, and follows it in the buffer and in git. */
export function followReported(piece: ReportedPiece, parts: ReportParts): void {
  const { suggestionId: id, generator, document, region, text, root, path } = piece;
  const { language, line, column, prefix, suffix } = piece;
  const context = { root, path, language, line, column, prefix, suffix, examples: [] };
  const acceptedAt = performance.now();
  const model = { base: `tool:${generator.tool}`.slice(0, 64), adapter: null };
  const known = { id, document, root, isFile: true, context, completion: text, model };
  parts.records.add({ ...known, latencyMs: 0, engineMs: 0, createdAt: acceptedAt });
  parts.recorder.record("shown", id, { context, completion: text, model, latencyMs: 0, source: "tool", generator });
  parts.recorder.record("accepted", id, { visibleMs: 0 });
  parts.buffer.accepted({ suggestionId: id, document, region, text, root, path });
  parts.survival.follow({ suggestionId: id, document, root, path, region, text });
  parts.places.follow(id, document, region);
}

/** A Uri of the editor, one that came through JSON, or its text. */
function readUri(value: unknown): vscode.Uri | null {
  try {
    if (value instanceof vscode.Uri) return value;
    if (typeof value === "string") return vscode.Uri.parse(value, true);
    return typeof value === "object" && value !== null ? vscode.Uri.from(value as { scheme: string }) : null;
  } catch {
    return null;
  }
}
