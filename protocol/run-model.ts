import * as z from "zod";

/** What a request for a training run says of the model's file. */
export const runModel = {
  /** `models/<name>/config.yaml`, absolute; the file that the server follows unless given. */
  config: z.string().min(1).max(4_096).optional(),
  /** False ends the run with a tested candidate, for `POST /v1/deploy`. */
  deploy: z.boolean().optional(),
  /** Ends the run with `nothing-to-learn` when its dataset is that of the run before. */
  onlyNew: z.boolean().optional(),
};
