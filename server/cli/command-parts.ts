import type { ServerClient } from "./client.ts";

/** Sets the exit code of a command that ran to its end. */
export type SetExit = (code: number) => void;

/** What every command is given. */
export interface CommandParts {
  readonly dataDir: () => string;
  /** Finds the server of the data folder. @throws AppError `not-running`, `impostor` */
  readonly connect: () => Promise<ServerClient>;
  readonly setExit: SetExit;
}
