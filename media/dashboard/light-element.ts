import { LitElement } from "lit";

/** A component in the page's own tree: one set of style sheets, ids and headings for everything. */
export class LightElement extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}
