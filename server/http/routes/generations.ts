import { MAX_BATCH_BYTES } from "../../../protocol/api.ts";
import { generationRequest, generationResponse } from "../../../protocol/generations.ts";
import { takeGenerations } from "../../adoption/take-generations.ts";
import { AppError } from "../../errors.ts";
import { readJson } from "../body.ts";
import type { Route } from "./route.ts";

/** Longer keys are no keys. */
const MAX_KEY_CHARS = 256;

export const generationRoutes: readonly Route[] = [
  {
    method: "POST",
    path: "/v1/generations",
    about: "Takes code in that other tools generated, to be followed and learned from; each gets its own status.",
    body: generationRequest,
    answers: generationResponse,
    async handle(c, { store, clock, events }) {
      const key = c.req.header("Idempotency-Key") ?? null;
      if (key !== null && (key === "" || key.length > MAX_KEY_CHARS)) {
        throw new AppError("invalid", `Idempotency-Key: it has to have 1 to ${MAX_KEY_CHARS} characters`);
      }
      const { generations, import: origin = null } = await readJson(c, generationRequest, MAX_BATCH_BYTES);
      const ingest = (json: string) => events.take(json);
      return c.json({ results: await takeGenerations(generations, key, { store, clock, ingest, origin }) });
    },
  },
];
