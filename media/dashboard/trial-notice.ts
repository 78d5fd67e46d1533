import { html, nothing, type TemplateResult } from "lit";
import type { CanaryPage, CanaryRow } from "../../protocol/canary.ts";
import { countText, shortId, signedText } from "./number-text.ts";
import { visibleText } from "./visible-text.ts";

/** The candidate on trial with the evidence so far, or how the last trial ended; and drift of what serves. */
export function trialNotice(page: CanaryPage | null, end: (keep: boolean) => void): TemplateResult | typeof nothing {
  if (page === null) return nothing;
  const [newest] = page.canaries;
  return html`${newest === undefined ? nothing : trial(newest, end)}
  ${
    page.drift.alarm
      ? html`<p role="status"><strong>What serves is taken less than it was.</strong> It is time to train.</p>`
      : nothing
  }`;
}

const ENDED: Readonly<Record<Exclude<CanaryRow["state"], "running">, string>> = {
  promoted: "The last trial ended with the candidate as champion.",
  "rolled-back": "The last trial ended: the candidate was taken back.",
  superseded: "The last trial ended, because the champion was moved.",
};

function trial(row: CanaryRow, end: (keep: boolean) => void): TemplateResult {
  const { candidate, champion } = row.arms;
  if (row.state !== "running") {
    return html`<p class="quiet trial">
      ${ENDED[row.state]} <code>${shortId(row.version)}</code>: ${visibleText(row.reason)}
    </p>`;
  }
  return html`<p class="trial" role="status">
      <span class="badge">on trial</span> <code title=${row.version}>${shortId(row.version)}</code> makes
      ${Math.round(100 * row.share)} % of the suggestions. Accepted and retained characters a suggestion:
      ${candidate.charactersEach.toFixed(1)} of ${countText(candidate.suggestions)} against
      ${champion.charactersEach.toFixed(1)} of ${countText(champion.suggestions)}. Evidence of harm
      ${row.harm.toPrecision(2)}, of gain ${row.gain.toPrecision(2)}; 20 decides.
      ${
        row.difference === undefined
          ? nothing
          : html`Difference ${signedText(row.difference.mean, 1)} characters, 95 % interval at any time
            ${signedText(row.difference.low, 1)} … ${signedText(row.difference.high, 1)}.`
      }
    </p>
    <p class="buttons start">
      <button class="plain" @click=${() => end(true)}>Make it champion</button>
      <button class="plain" @click=${() => end(false)}>Take it back</button>
    </p>`;
}
