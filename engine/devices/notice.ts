import type { EngineErrorCode } from "../engine-error.ts";

/** Something that a person should know and that stopped nothing, under a documented code. */
export interface Notice {
  readonly code: Extract<
    EngineErrorCode,
    "device-unavailable" | "device-failed" | "no-fill-in-the-middle" | "quantised-cache-unavailable"
  >;
  readonly message: string;
}

export type Notify = (notice: Notice) => void;

/** Name of the warnings that notices are made into. */
export const NOTICE_NAME = "KeptWarning";

/** As a warning of the process: on stderr, and to whoever listens to `warning`. */
export const notify: Notify = ({ code, message }) => process.emitWarning(message, { type: NOTICE_NAME, code });
