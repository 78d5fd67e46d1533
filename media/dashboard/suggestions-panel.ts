import { html, nothing, type TemplateResult } from "lit";
import type { SuggestionRow } from "../../protocol/api.ts";
import type { ApiClient } from "./api-client.ts";
import { emptyState } from "./failure-notice.ts";
import { countText, percentText, shortId } from "./number-text.ts";
import { filterSuggestions, NO_FILTER, outcomesOf, type SuggestionFilter } from "./suggestion-filter.ts";
import { timeText } from "./time-text.ts";
import { firstLine, visibleString, visibleText } from "./visible-text.ts";
import { whyPanel, type WhyState } from "./why-panel.ts";

/** Characters of a completion in the table. */
const CELL_CHARS = 72;

export interface SuggestionsPanel {
  readonly suggestions: readonly SuggestionRow[] | null;
  readonly hasOlder: boolean;
  /** Suggestions that the server has. */
  readonly nAll: number;
  readonly filter: SuggestionFilter;
  readonly why: WhyState | null;
  readonly nowMs: number;
  setFilter(filter: SuggestionFilter): void;
  readonly api: Pick<ApiClient, "forgetSuggestion"> | null;
  /** What was said last of this list. */
  readonly said: string;
  readonly forgotten: (suggestionId: string, said: string) => void;
  loadOlder(): void;
  openWhy(suggestionId: string): void;
  closeWhy(): void;
}

/** Recent suggestions with what became of them; a row opens its "why". */
export function suggestionsPanel(panel: SuggestionsPanel): TemplateResult {
  const { suggestions } = panel;
  const rows = suggestions === null ? [] : filterSuggestions(suggestions, panel.filter);
  return html`<section class="card suggestions" aria-labelledby="suggestions-heading" id="suggestions">
    <div class="card-head">
      <h2 id="suggestions-heading" tabindex="-1">Suggestions</h2>
      <span class="quiet said" role="status">${panel.said}</span>
      ${filterForm(panel, rows.length)}
    </div>
    <div class=${panel.why === null ? "suggestions-body" : "suggestions-body with-why"}>
      <div class="suggestions-list">
        ${
          suggestions === null
            ? html`<p class="quiet">Loading…</p>`
            : suggestions.length === 0
              ? emptyState(
                  "No suggestions yet",
                  html`Write code in VS Code with Kept on, or run
                    <code>npm run kept -- replay --repo &lt;folder&gt;</code>. Each suggestion appears here with what
                    became of it.`,
                )
              : rows.length === 0
                ? emptyState(
                    "Nothing matches the filter",
                    html`<button class="plain" @click=${() => panel.setFilter(NO_FILTER)}>Clear the filter</button>`,
                  )
                : table(rows, panel)
        }
        ${
          panel.hasOlder
            ? html`<p><button class="plain" @click=${() => panel.loadOlder()}>Load older suggestions</button></p>`
            : nothing
        }
      </div>
      ${panel.why === null ? nothing : whyPanel(panel.why, panel.nowMs, () => panel.closeWhy(), html`<kept-forget .api=${panel.api} .suggestionId=${panel.why.id} .done=${panel.forgotten}></kept-forget>`)}
    </div>
  </section>`;
}

function filterForm(panel: SuggestionsPanel, nShown: number): TemplateResult {
  const { filter, suggestions } = panel;
  const option = (value: string, text: string, chosen: string) =>
    html`<option value=${value} ?selected=${value === chosen}>${text}</option>`;
  return html`<form
    class="filter"
    role="search"
    aria-label="Filter suggestions"
    @submit=${(event: Event) => event.preventDefault()}
  >
    <label>
      <span>Outcome</span>
      <select id="filter-outcome" @change=${(event: Event) => panel.setFilter({ ...filter, outcome: valueOf(event) })}>
        ${option("", "any", filter.outcome)}
        ${outcomesOf(suggestions ?? [], filter.outcome).map((outcome) => option(outcome, visibleString(outcome), filter.outcome))}
      </select>
    </label>
    <label>
      <span>Label</span>
      <select id="filter-label" @change=${(event: Event) => panel.setFilter({ ...filter, label: valueOf(event) })}>
        ${["", "good", "bad", "unknown", "none"].map((value) => option(value, value === "" ? "any" : value, filter.label))}
      </select>
    </label>
    <label>
      <span>Text <kbd aria-hidden="true">/</kbd></span>
      <input
        id="filter-text"
        type="search"
        spellcheck="false"
        autocomplete="off"
        aria-keyshortcuts="/"
        placeholder="path, language or code"
        .value=${filter.text}
        @input=${(event: Event) => panel.setFilter({ ...filter, text: valueOf(event) })}
      />
    </label>
    <span class="quiet" role="status"
      >${suggestions === null ? "" : `${countText(nShown)} of ${countText(suggestions.length)} loaded${panel.hasOlder ? `, ${countText(panel.nAll)} in all` : ""}`}</span
    >
  </form>`;
}

const valueOf = (event: Event) => (event.target as HTMLInputElement | HTMLSelectElement).value;

function table(rows: readonly SuggestionRow[], panel: SuggestionsPanel): TemplateResult {
  return html`<div class="scroll" tabindex="0" role="region" aria-labelledby="suggestions-heading">
    <table class="suggestion-table">
      <thead>
        <tr>
          <th scope="col">Suggestion</th>
          <th scope="col">Outcome</th>
          <th scope="col">Label</th>
          <th scope="col" class="wide-only">Rating</th>
          <th scope="col" class="number wide-only">Retained</th>
          <th scope="col" class="number wide-only">Survived</th>
          <th scope="col" class="wide-only">Model</th>
          <th scope="col">Shown</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((row) => tableRow(row, panel))}
      </tbody>
    </table>
  </div>`;
}

function tableRow(row: SuggestionRow, panel: SuggestionsPanel): TemplateResult {
  const selected = panel.why?.id === row.id;
  return html`<tr class=${selected ? "selected" : ""} data-suggestion=${row.id}>
    <td class="suggestion-cell">
      <button
        class="link why-button"
        aria-pressed=${selected}
        aria-label="Why ${visibleString(firstLine(row.completion, CELL_CHARS))}"
        @click=${() => panel.openWhy(row.id)}
      >
        <code dir="ltr">${visibleText(firstLine(row.completion, CELL_CHARS))}</code>
      </button>
      <div class="quiet"><bdi>${visibleText(row.path, 120)}</bdi>:${row.line + 1}</div>
    </td>
    <td><span class="badge ${OUTCOME_TONES[row.outcome] ?? ""}">${visibleText(row.outcome)}</span></td>
    <td>
      ${
        row.label === null
          ? html`<span class="quiet">none</span>`
          : html`<span
                class="badge ${row.label.verdict === "unknown" ? "" : row.label.verdict}"
                title=${row.label.reasons.map((reason) => visibleString(`${reason.signal}: ${reason.detail}`)).join("\n")}
                >${row.label.verdict}</span
              >
              <span class="quiet number">${row.label.probability.toFixed(2)}</span>`
      }
    </td>
    <td class="wide-only">
      ${row.rating === null ? html`<span class="quiet">–</span>` : html`<span class="badge ${row.rating === "up" ? "good" : "bad"}">thumb ${row.rating}</span>`}
    </td>
    <td class="number wide-only">${row.retained === null ? "–" : percentText(row.retained)}</td>
    <td class="number wide-only">${row.survived === null ? "–" : percentText(row.survived)}</td>
    <td class="wide-only">
      ${row.model.adapter === null ? html`<span class="quiet">base</span>` : html`<code title=${row.model.adapter}>${shortId(row.model.adapter)}</code>`}
    </td>
    <td class="when">
      ${timeText(row.shownAt, panel.nowMs)}${row.source === "editor" ? nothing : html`<div class="quiet">${row.source}</div>`}
    </td>
  </tr>`;
}

const OUTCOME_TONES: Readonly<Record<string, string>> = {
  accepted: "good",
  "partially-accepted": "good",
  "typed-through": "good",
  rejected: "bad",
  "typed-over": "bad",
  undone: "bad",
};
