import { repeatsLineAbove } from "../../../engine/generate/stop.ts";

/**
 * What can be sent of a text that still grows, and may yet become shorter at its end: whole lines but the last
 * one, which a suffix may repeat, without the blank ones before it. Nothing that was sent is taken back.
 */
export interface LineStream {
  /** Takes the text as it is now; answers what can be sent of it beyond what was. */
  grow(text: string): string;
  /** Takes the text as it ended; answers the rest of it. */
  end(text: string): string;
}

/** A text that writes the line above the cursor once more is thrown away when it is complete: none of it is sent. */
export function createLineStream(prefix: string): LineStream {
  let sent = "";
  const beyond = (text: string): string => {
    // A text that went another way was cut off behind what was sent.
    if (!text.startsWith(sent)) return "";
    const more = text.slice(sent.length);
    sent = text;
    return more;
  };
  return {
    grow(text) {
      if (repeatsLineAbove(text, prefix)) return "";
      const complete = text.slice(0, Math.max(0, text.lastIndexOf("\n")));
      // The last of the complete lines may be what the suffix begins with.
      const certain = complete
        .slice(0, Math.max(0, complete.lastIndexOf("\n")))
        .replace(/\s*\n\s*$/u, "")
        .trimEnd();
      return certain.length > sent.length ? beyond(certain) : "";
    },
    end: beyond,
  };
}
