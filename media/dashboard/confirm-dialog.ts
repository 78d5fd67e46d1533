import { html, nothing, type TemplateResult } from "lit";
import { createRef, type Ref, ref } from "lit/directives/ref.js";

/** A question before something that editors will notice. */
export interface Confirmation {
  readonly title: string;
  readonly body: unknown;
  readonly warning: string | null;
  readonly action: string;
  /** What is asked for besides yes or no; a reason to write down unless it is given. */
  readonly fields?: TemplateResult;
}

/** The dialog's place; `showModal` on it gives focus trap and Escape. */
export type DialogRef = Ref<HTMLDialogElement>;
export const dialogRef = (): DialogRef => createRef<HTMLDialogElement>();

/** A modal question. `confirm` gets its fields; closing answers no. */
export function confirmDialog(
  place: DialogRef,
  confirmation: Confirmation | null,
  confirm: (fields: FormData) => void,
  cancel: () => void,
): TemplateResult {
  return html`<dialog ${ref(place)} aria-labelledby="confirm-title" @close=${cancel}>
    ${
      confirmation === null
        ? nothing
        : html`<form
            method="dialog"
            @submit=${(event: SubmitEvent) => {
              event.preventDefault();
              confirm(new FormData(event.target as HTMLFormElement));
            }}
          >
            <h2 id="confirm-title">${confirmation.title}</h2>
            <div>${confirmation.body}</div>
            ${confirmation.warning === null ? nothing : html`<p class="notice warn">${confirmation.warning}</p>`}
            ${confirmation.fields ?? reasonField}
            <div class="buttons">
              <button type="button" class="plain" @click=${() => place.value?.close()}>Keep as it is</button>
              <button class="primary">${confirmation.action}</button>
            </div>
          </form>`
    }
  </dialog>`;
}

const reasonField = html`<label class="wide"
  ><span>Reason <span class="quiet">kept in the history</span></span
  ><input name="reason" maxlength="500" autocomplete="off"
/></label>`;
