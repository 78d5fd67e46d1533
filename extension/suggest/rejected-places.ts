import type * as vscode from "vscode";

/**
 * Suggestions that the developer has rejected, and where: the same text is not offered there again
 * until the line has changed, however often the editor asks.
 */
export interface RejectedPlaces {
  add(document: vscode.TextDocument, position: vscode.Position, completion: string): void;
  refuses(document: vscode.TextDocument, position: vscode.Position, text: string): boolean;
}

interface RejectedPlace {
  readonly document: string;
  readonly lines: string;
  readonly column: number;
  readonly completion: string;
}

/** Rejections remembered: beyond these the oldest may be offered again. */
const CAPACITY = 64;

export function createRejectedPlaces(): RejectedPlaces {
  let places: readonly RejectedPlace[] = [];
  return {
    add(document, position, completion) {
      const place = { document: document.uri.toString(), lines: linesAt(document, position), completion };
      places = [{ ...place, column: position.character }, ...places].slice(0, CAPACITY);
    },
    refuses(document, position, text) {
      const name = document.uri.toString();
      return places.some(
        (place) =>
          place.document === name &&
          place.column === position.character &&
          // Rejected after typing along, what is left of it is offered here.
          place.completion.endsWith(text) &&
          place.lines === linesAt(document, position),
      );
    },
  };
}

/** The line and the one above: many a line is blank, and says nothing of its place. */
function linesAt(document: vscode.TextDocument, { line }: vscode.Position): string {
  const above = line > 0 ? document.lineAt(line - 1).text : "";
  return `${above}\n${document.lineAt(line).text}`;
}
