import { withheldSizes } from "../../core/capture-level.ts";
import type { KeptEvent } from "../../protocol/events.ts";

/**
 * The event without the code in it, as the level of outcomes would have recorded it, but for the place:
 * that stays, so that a file or a folder can still be forgotten. The same event when there is none.
 */
export function outcomeOnly(event: KeptEvent): KeptEvent {
  switch (event.kind) {
    case "shown": {
      if (event.withheld !== undefined) return event;
      const { completion, context } = event;
      return {
        ...event,
        completion: "",
        context: { ...context, prefix: "", suffix: "", examples: [] },
        withheld: withheldSizes(completion, context),
      };
    }
    case "typed-instead":
      return event.withheldCharacters === undefined
        ? { ...event, text: "", withheldCharacters: event.text.length }
        : event;
    case "rated": {
      if (event.comment === undefined) return event;
      const { comment: _comment, ...rest } = event;
      return rest;
    }
    default:
      return event;
  }
}
