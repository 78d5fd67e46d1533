/**
 * Tells the editor and the buttons which suggestion is up, a turn after it changed: what the editor is told is a
 * message, and costs more than everything else that a key begins.
 */
export interface VisibleSignal extends Disposable {
  /** On the typing path. */
  soon(): void;
  /**
   * Before an answer is given to the editor: its keys must be in force when the text is drawn, or an Escape that
   * comes with it hides the text and Kept hears nothing of it.
   */
  beforeAnswer(): void;
}

export interface VisibleListeners {
  /** A suggestion is up, or none; told when that changes. */
  onUp(isUp: boolean): void;
  /** Another suggestion may be up. */
  onChange(): void;
}

export function createVisibleSignal(visible: () => string | null, listeners: VisibleListeners): VisibleSignal {
  let turn: NodeJS.Immediate | null = null;
  let isUp: boolean | null = null;
  const tellKeys = () => {
    const isNow = visible() !== null;
    if (isNow !== isUp) listeners.onUp(isNow);
    isUp = isNow;
  };
  const tell = () => {
    turn = null;
    tellKeys();
    listeners.onChange();
  };
  return {
    soon() {
      turn ??= setImmediate(tell);
    },
    beforeAnswer: tellKeys,
    [Symbol.dispose]() {
      if (turn) clearImmediate(turn);
    },
  };
}
