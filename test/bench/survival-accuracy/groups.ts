/** How far a history had a part in the rules that are judged by it. */
export type Group = "chosen on" | "looked at" | "held out" | "read last" | "unseen";

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

/** Held out from every rule and number. Their wrong cases were read later. */
const HELD_OUT: ReadonlySet<string> = new Set([
  "chaijs/chai",
  "encode/starlette",
  "markedjs/marked",
  "pallets/werkzeug",
]);

/** Measured before anybody had read a case of theirs. What was wrong then gave the reason for one rule, with no number. */
const READ_LAST: ReadonlySet<string> = new Set([
  "webpack/webpack-dev-server",
  "sindresorhus/ky",
  "avajs/ava",
  "cheeriojs/cheerio",
  "winstonjs/winston",
  "nodejs/undici",
  "pmndrs/zustand",
  "python-attrs/attrs",
  "psf/black",
  "tqdm/tqdm",
  "aio-libs/aiohttp",
  "lodash/lodash",
  "pallets/itsdangerous",
  "tiangolo/fastapi",
  "request/request",
  "nock/nock",
]);

/** Of any other history nobody has read a case when its figures are measured. */
export const groupOf = (repository: string): Group => {
  if (CHOSEN_ON.has(repository)) return "chosen on";
  if (LOOKED_AT.has(repository)) return "looked at";
  if (HELD_OUT.has(repository)) return "held out";
  return READ_LAST.has(repository) ? "read last" : "unseen";
};

export const GROUPS: readonly Group[] = ["chosen on", "looked at", "held out", "read last", "unseen"];
