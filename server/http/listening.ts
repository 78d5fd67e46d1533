import { AppError } from "../errors.ts";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

/** Only this machine: there is no option to listen anywhere else. */
const HOST = "127.0.0.1";
/** Requests under way get this long when the server stops, milliseconds. */
const DRAIN_MS = 2_000;

/** Listens on this machine alone; 0 takes any free port. @throws AppError `port-in-use` */
export async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === "EADDRINUSE"
          ? new AppError("port-in-use", `Another program listens on port ${port}.`, {
              cause,
              hint: "Choose another with --port, or none: any free one is taken.",
            })
          : cause,
      ),
    );
    server.listen({ host: HOST, port, exclusive: true }, () => {
      server.removeAllListeners("error");
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

/** Ends streams, lets requests finish, then closes what is left. */
export async function stopListening(server: Server, hub: Disposable): Promise<void> {
  hub[Symbol.dispose]();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(force);
}
