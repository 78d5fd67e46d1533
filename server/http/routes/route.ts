import type { Context } from "hono";
import type { ServerParts } from "../server-parts.ts";
import type { z } from "zod";

export type Method = "GET" | "POST" | "PUT";

/** One documented route. The table of all of them is what the router is built from. */
export interface Route {
  readonly method: Method;
  /** Hono's syntax: `/v1/models/:id`. */
  readonly path: string;
  /** One sentence for the reference. */
  readonly about: string;
  /** Parameters after the question mark. */
  readonly query?: z.ZodObject;
  /** The JSON body that it takes. */
  readonly body?: z.ZodType;
  /** The JSON that it answers, or the media type of anything else. */
  readonly answers?: z.ZodType | `${"text" | "application"}/${string}`;
  /** Status of a success; 200 when it is not named. */
  readonly status?: 200 | 201 | 202;
  /** True when it answers without a token. */
  readonly open?: boolean;
  /** Who may call it without the token, with a password of its own that the route looks at. */
  readonly guard?: "label-studio";
  /** True when the key of other editors opens it too. */
  readonly forEndpoints?: boolean;
  /** True when it answers with what is derived from events: it waits a moment for those just stored. */
  readonly readsDerived?: boolean;
  readonly handle: (c: Context, parts: ServerParts) => Response | Promise<Response>;
}
