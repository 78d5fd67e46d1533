import { createHmac, randomBytes } from "node:crypto";
import type { Memento } from "vscode";

/** Turns places into names that only this installation can make again: equal places have equal names. */
export type PlaceKey = (place: string) => string;

const KEY_BYTES = 32;
/** Hexadecimal digits of a name: no two files of one person meet. */
const NAME_CHARS = 24;
const MEMENTO_KEY = "kept.placeKey";
/** In front of every name, so that a reader sees that it is none of a file. */
const PREFIX = "hidden-";

/** The key is made once and stays on this machine; without it a name cannot be guessed from a list of paths. */
export function createPlaceKey(memento: Memento): PlaceKey {
  const stored = memento.get<string>(MEMENTO_KEY);
  const key = stored === undefined ? randomBytes(KEY_BYTES) : Buffer.from(stored, "base64");
  if (stored === undefined) void memento.update(MEMENTO_KEY, key.toString("base64"));
  return (place) => PREFIX + createHmac("sha256", key).update(place).digest("hex").slice(0, NAME_CHARS);
}
