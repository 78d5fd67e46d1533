/**
 * Tells the editor and the buttons which suggestion is up, a turn after it changed: what the editor is told is a
 * message, and costs more than everything else that a key begins.
 */
export interface VisibleSignal extends Disposable {
  /** On the typing path. */
  soon(): void;
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
  const tell = () => {
    turn = null;
    const isNow = visible() !== null;
    if (isNow !== isUp) listeners.onUp(isNow);
    isUp = isNow;
    listeners.onChange();
  };
  return {
    soon() {
      turn ??= setImmediate(tell);
    },
    [Symbol.dispose]() {
      if (turn) clearImmediate(turn);
    },
  };
}
