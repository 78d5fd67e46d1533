import { html, nothing, type TemplateResult } from "lit";
import type { Failure } from "./api-client.ts";
import { adviceFor } from "./problem-advice.ts";
import { visibleText } from "./visible-text.ts";

/** What happened, to what, what to do, and the code to look up. Announced when it appears. */
export function failureNotice(what: string, failure: Failure): TemplateResult {
  return html`<div class="notice bad" role="alert">
    <strong>${what}</strong>
    <p>${visibleText(failure.title)}${failure.detail === null ? nothing : html`: ${visibleText(failure.detail)}`}</p>
    <p>${adviceFor(failure)}</p>
    <p class="quiet">
      Code <code>${visibleText(failure.code)}</code>${
        failure.id === null ? nothing : html`, id <code>${visibleText(failure.id)}</code>`
      }
    </p>
  </div>`;
}

/** A place with nothing in it yet, and what fills it. */
export function emptyState(title: string, whatToDo: unknown): TemplateResult {
  return html`<div class="empty">
    <strong>${title}</strong>
    <p>${whatToDo}</p>
  </div>`;
}
