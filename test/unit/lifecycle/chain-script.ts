import { emptyChainState, type ChainState } from "../../../core/lifecycle/chain-state.ts";
import { reduceChain } from "../../../core/lifecycle/suggestion-chain.ts";
import type { Fact, Observation, SelectionCause } from "../../../core/lifecycle/observation.ts";
import type { TextChange } from "../../../core/lifecycle/region.ts";

/**
 * Plays a script of editor actions into the chain, as the editor would tell them, over a small
 * document that really changes. One action a line; returns the facts, one a line.
 *
 *     offer s1 "text"      an item is offered at the cursor          type "x"      keys, one change each
 *     accept | accept s2   change, selection, command                word "x"      own override, change, selection
 *     busy 400             the next accept's command comes so late
 *     toolbar "x"          change and selection only                 paste "x"     change, keyboard selection
 *     insert "x"           change only, no selection                 back 2        Backspace
 *     escape               own override                              move 3        cursor by keyboard
 *     edit 0 1 "x"         a change somewhere else                   undo          of the last accept
 *     wait 100             time passes and a tick comes              leave         another editor
 *     overtype ")"         the closer behind the cursor              redo          of the last undo
 *     burst "x"            changes first, then their selections      cursors "x"   typed at two cursors
 *     widget open|close    an entry of the suggest widget            withheld      asked, and nothing given
 */
export function play(script: string, document = ""): string {
  const editor = new Editor(document);
  for (const line of script.split("\n").map((text) => text.trim())) {
    if (line !== "") editor.act(line);
  }
  // What finally became of it is the last fact told: only the tests of endings name it twice.
  return editor.facts
    .filter(({ kind }) => kind !== "ended")
    .map(formatFact)
    .join("\n");
}

/** A tiny editor: text, cursor, clock, and the chain that watches it. */
class Editor {
  text: string;
  cursor: number;
  now = 0;
  private busyMs = 0;
  state: ChainState = emptyChainState;
  readonly facts: Fact[] = [];
  private offer: { id: string; text: string; offset: number } | null = null;
  private inserted: { offset: number; text: string; replaced: string } | null = null;

  constructor(text: string) {
    this.text = text;
    this.cursor = text.length;
  }

  act(line: string): void {
    const [verb = "", ...rest] = line.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
    const args = rest.map((token) => (token.startsWith('"') ? (JSON.parse(token) as string) : token));
    const [first = "", second = "", third = ""] = args;
    switch (verb) {
      case "offer":
        this.offer = { id: first, text: second, offset: this.cursor };
        return this.see({
          kind: "offered",
          at: this.now,
          offer: { suggestionId: first, document: "a.ts", offset: this.cursor, text: second },
        });
      case "type":
        for (const key of first) {
          this.change([{ offset: this.cursor, deleted: 0, text: key }], this.cursor + 1);
          this.select(this.cursor, "keyboard");
        }
        return;
      case "accept": {
        const offer = this.offer!;
        const range = { offset: offer.offset, deleted: this.cursor - offer.offset, text: offer.text };
        this.inserted = {
          offset: offer.offset,
          text: offer.text,
          replaced: this.text.slice(offer.offset, this.cursor),
        };
        this.change([range], offer.offset + offer.text.length);
        this.select(this.cursor, "unknown");
        if (this.busyMs > 0) this.act(`wait ${this.busyMs}`);
        this.now += 3;
        return this.see({ kind: "accept-command", at: this.now, suggestionId: first || offer.id });
      }
      case "busy":
        this.busyMs = Number(first);
        return;
      case "word":
        this.see({ kind: "partial-command", at: this.now });
        this.inserted = { offset: this.cursor, text: first, replaced: "" };
        this.change([{ offset: this.cursor, deleted: 0, text: first }], this.cursor + first.length);
        return this.select(this.cursor, "unknown");
      case "toolbar":
        this.inserted = { offset: this.cursor, text: first, replaced: "" };
        this.change([{ offset: this.cursor, deleted: 0, text: first }], this.cursor + first.length);
        return this.select(this.cursor, "unknown");
      case "paste":
        this.change([{ offset: this.cursor, deleted: 0, text: first }], this.cursor + first.length);
        return this.select(this.cursor, "keyboard");
      case "insert":
        return this.change([{ offset: this.cursor, deleted: 0, text: first }], this.cursor + first.length);
      case "autoclose":
        this.change([{ offset: this.cursor, deleted: 0, text: first }], this.cursor + 1);
        return this.select(this.cursor, "keyboard");
      case "back": {
        const n = Number(first);
        this.change([{ offset: this.cursor - n, deleted: n, text: "" }], this.cursor - n);
        return this.select(this.cursor, "keyboard");
      }
      case "edit": {
        const change = { offset: Number(first), deleted: Number(second), text: third };
        const moved = change.offset <= this.cursor ? this.cursor + third.length - change.deleted : this.cursor;
        return this.change([change], moved);
      }
      case "touch":
        return this.change([], this.cursor);
      case "undo": {
        const { offset, text, replaced } = this.inserted!;
        return this.change([{ offset, deleted: text.length, text: replaced }], offset + replaced.length, "undo");
      }
      case "redo": {
        const { offset, text, replaced } = this.inserted!;
        return this.change([{ offset, deleted: replaced.length, text }], offset + text.length, "redo");
      }
      case "overtype":
        this.change([{ offset: this.cursor, deleted: first.length, text: first }], this.cursor + first.length);
        return this.select(this.cursor, "keyboard");
      case "burst": {
        const began = this.cursor;
        for (const key of first) this.change([{ offset: this.cursor, deleted: 0, text: key }], this.cursor + 1);
        for (let at = began + 1; at <= began + first.length; at += 1) this.select(at, "unknown");
        return;
      }
      case "cursors": {
        // The second cursor stands at the document's beginning: the editor tells the later change first.
        const changes = [this.cursor, 0].map((offset) => ({ offset, deleted: 0, text: first }));
        this.change(changes, this.cursor + 2 * first.length);
        return this.select(this.cursor, "keyboard");
      }
      case "widget":
        return this.see({ kind: "widget", at: this.now, isOpen: first === "open" });
      case "withheld":
        return this.see({ kind: "withheld", at: this.now });
      case "move":
        return this.select(Number(first), "keyboard");
      case "click":
        return this.select(Number(first), "mouse");
      case "escape":
        return this.see({ kind: "reject-command", at: this.now });
      case "leave":
        return this.see({ kind: "left", at: this.now });
      case "wait":
        this.now += Number(first);
        return this.see({ kind: "tick", at: this.now });
      case "pass":
        this.now += Number(first);
        return;
      case "command":
        return this.see({ kind: "accept-command", at: this.now, suggestionId: first });
      default:
        throw new Error(`Unknown action: ${line}`);
    }
  }

  private change(changes: TextChange[], cursor: number, reason: "edit" | "undo" | "redo" = "edit"): void {
    for (const { offset, deleted, text } of changes)
      this.text = this.text.slice(0, offset) + text + this.text.slice(offset + deleted);
    this.cursor = cursor;
    this.see({ kind: "changed", at: this.now, document: "a.ts", changes, reason });
  }

  private select(offset: number, cause: SelectionCause): void {
    this.cursor = offset;
    this.see({ kind: "selected", at: this.now, document: "a.ts", offset, cause });
  }

  private see(observation: Observation): void {
    const { state, facts } = reduceChain(this.state, observation);
    this.state = state;
    this.facts.push(...facts);
  }
}

function formatFact(fact: Fact): string {
  const name = `${fact.suggestionId} ${fact.kind}`;
  switch (fact.kind) {
    case "accepted":
      return `${name} ${fact.visibleMs}ms ${fact.region.start}-${fact.region.end} ${JSON.stringify(fact.text)}`;
    case "partially-accepted":
      return `${name} ${fact.characters} ${fact.fraction.toFixed(2)}`;
    case "typed-through":
      return `${name} ${fact.fraction.toFixed(2)}`;
    case "ended":
      return `${name} ${fact.ending}`;
    case "undone":
    case "redone":
      return `${name} ${fact.afterMs}ms`;
    case "shown":
    case "superseded":
      return name;
    default:
      return `${name} ${fact.visibleMs}ms`;
  }
}
