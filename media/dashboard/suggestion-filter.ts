import type { SuggestionRow } from "../../protocol/api.ts";

/** Which suggestions are listed; empty strings let everything through. Kept in the page's address. */
export interface SuggestionFilter {
  readonly outcome: string;
  readonly label: string;
  readonly text: string;
}

export const NO_FILTER: SuggestionFilter = { outcome: "", label: "", text: "" };

const LABELS = new Set(["good", "bad", "unknown", "none"]);
/** Longest filter value taken from an address. */
const MAX_FILTER_CHARS = 200;

/** The filter of a query string; unknown labels and over-long values are dropped. */
export function filterOfQuery(query: string): SuggestionFilter {
  const parameters = new URLSearchParams(query);
  const value = (name: string) => (parameters.get(name) ?? "").slice(0, MAX_FILTER_CHARS);
  const label = value("label");
  return { outcome: value("outcome"), label: LABELS.has(label) ? label : "", text: value("q") };
}

/** `query` with the filter in it and every other parameter as it was. */
export function queryWithFilter(query: string, filter: SuggestionFilter): string {
  const parameters = new URLSearchParams(query);
  const set = (name: string, value: string) => (value === "" ? parameters.delete(name) : parameters.set(name, value));
  set("outcome", filter.outcome);
  set("label", filter.label);
  set("q", filter.text);
  const text = parameters.toString();
  return text === "" ? "" : `?${text}`;
}

/** Suggestions that match every part; the text is looked for in path, language and completion, in any case. */
export function filterSuggestions(rows: readonly SuggestionRow[], filter: SuggestionFilter): readonly SuggestionRow[] {
  const needle = filter.text.trim().toLowerCase();
  return rows.filter(
    (row) =>
      (filter.outcome === "" || row.outcome === filter.outcome) &&
      (filter.label === "" || (row.label?.verdict ?? "none") === filter.label) &&
      (needle === "" || `${row.path}\n${row.language}\n${row.completion}`.toLowerCase().includes(needle)),
  );
}

/** Outcomes to offer: those of the loaded rows, and the one now chosen. */
export function outcomesOf(rows: readonly SuggestionRow[], chosen: string): readonly string[] {
  const outcomes = new Set(rows.map((row) => row.outcome));
  if (chosen !== "") outcomes.add(chosen);
  return [...outcomes].sort();
}
