/** How far a history had a part in the rules that are judged by it. */
export type Group = "chosen on" | "looked at" | "held out";

/** Histories that rules and their numbers were chosen on. */
const CHOSEN_ON: ReadonlySet<string> = new Set([
  "chalk/chalk",
  "koajs/koa",
  "websockets/ws",
  "sindresorhus/execa",
  "tj/commander.js",
  "sindresorhus/got",
  "axios/axios",
  "ekzhang/jax-js",
  "honojs/hono",
  "psf/requests",
  "expressjs/express",
  "fastify/fastify",
]);

/** Held out from the first rules. Their wrong cases gave reasons for later ones, whose numbers were not chosen on them. */
const LOOKED_AT: ReadonlySet<string> = new Set([
  "pallets/click",
  "encode/httpx",
  "yargs/yargs",
  "immerjs/immer",
  "pallets/flask",
  "mochajs/mocha",
  "date-fns/date-fns",
  "colinhacks/zod",
  "ladjs/superagent",
  "jashkenas/backbone",
  "pallets/jinja",
]);

export const groupOf = (repository: string): Group =>
  CHOSEN_ON.has(repository) ? "chosen on" : LOOKED_AT.has(repository) ? "looked at" : "held out";

export const GROUPS: readonly Group[] = ["chosen on", "looked at", "held out"];
