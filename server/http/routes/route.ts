import type { Context } from "hono";
import type { ServerParts } from "../server-parts.ts";

export type Method = "GET" | "POST" | "PUT";

/** One documented route. The table of all of them is what the router is built from. */
export interface Route {
  readonly method: Method;
  /** Hono's syntax: `/v1/models/:id`. */
  readonly path: string;
  /** One sentence for the reference. */
  readonly about: string;
  /** True when it answers without a token. */
  readonly open?: boolean;
  /** True when it answers with what is derived from events: it waits a moment for those just stored. */
  readonly readsDerived?: boolean;
  readonly handle: (c: Context, parts: ServerParts) => Response | Promise<Response>;
}
