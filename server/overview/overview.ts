import { compareVersions, type Opportunity, ratesByVersion, ratesByWeek } from "../../core/overview/rates.ts";
import type { Overview } from "../../protocol/overview.ts";
import { isoTime } from "../clock.ts";
import type { EndedSuggestion } from "../store/suggestion-store.ts";
import type { Store } from "../store/store.ts";

/** Suggestions that are looked at: the newest, some months of work. */
const MAX_LOOKED_AT = 20_000;
/** Weeks of the trend. */
const MAX_WEEKS = 16;
/** Suggestions of one file in one hour belong together. */
const GROUP_MS = 3_600_000;
const TAKEN = new Set(["accepted", "partially-accepted"]);

/** How often suggestions are taken and kept; of the editor's, where there are some, unless a source is named. */
export function readOverview(store: Store, wanted: Overview["source"] | null): Overview {
  const opportunities = store.suggestions.countEnded();
  const source = wanted ?? (opportunities.editor === 0 && opportunities.replay > 0 ? "replay" : "editor");
  const found = store.suggestions.newestEnded(source, MAX_LOOKED_AT).map(opportunityOf);
  const version = store.versions.alias("champion");
  const before = version === null ? null : store.versions.championBefore(version);
  const compared = (measure: "taken" | "kept") =>
    version === null ? null : compareVersions(found, version, before, measure);
  const weeks = ratesByWeek(found);
  const shown = new Set([...new Set(weeks.map(({ week }) => week))].slice(-MAX_WEEKS));
  return {
    source,
    opportunities,
    versions: ratesByVersion(found),
    weeks: weeks.filter(({ week }) => shown.has(week)).map((one) => ({ ...one, week: isoTime(one.week) })),
    served: { version, before },
    taken: compared("taken"),
    kept: compared("kept"),
  };
}

function opportunityOf(row: EndedSuggestion): Opportunity {
  const { completion, adapter, shownAt, outcome, root, path } = row;
  const taken = TAKEN.has(outcome);
  return {
    version: adapter,
    completion,
    at: shownAt,
    taken,
    kept: taken ? (row.survived ?? row.retained) : 0,
    group: `${root}\n${path}\n${Math.floor(shownAt / GROUP_MS)}`,
  };
}
