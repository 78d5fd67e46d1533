import { html, type TemplateResult } from "lit";
import { ref } from "lit/directives/ref.js";
import type { DialogRef } from "./confirm-dialog.ts";

const KEYS: readonly (readonly [string, string])[] = [
  ["/", "Go to the filter of the suggestions"],
  ["j", "Next suggestion"],
  ["k", "Suggestion before"],
  ["Enter", "Why this suggestion?"],
  ["Escape", "Close the explanation or a dialog"],
  ["g b s u", "In “Your verdict”: good, bad, skip, take back"],
  ["j k g b u", "In a dataset: next, before, good, bad, take back"],
  ["?", "This help"],
];

/** The keys of the page. */
export function helpDialog(place: DialogRef): TemplateResult {
  return html`<dialog ${ref(place)} aria-labelledby="help-title">
    <h2 id="help-title">Keyboard</h2>
    <dl class="keys">
      ${KEYS.map(
        ([key, what]) =>
          html`<div>
            <dt><kbd>${key}</kbd></dt>
            <dd>${what}</dd>
          </div>`,
      )}
    </dl>
    <form method="dialog" class="buttons"><button class="primary">Close</button></form>
  </dialog>`;
}
