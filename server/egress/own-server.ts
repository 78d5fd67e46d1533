/**
 * A request to Kept's own server on this machine, by its port: `path` cannot lead anywhere else. It is no
 * way out, and is not written down as one. Whoever sends the token has let the server prove itself before.
 */
export async function fetchOwnServer(
  port: number,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string | null;
    readonly signal: AbortSignal;
  },
): Promise<Response> {
  const url = new URL(`http://127.0.0.1:${port}${path.startsWith("/") ? path : `/${path}`}`);
  if (url.hostname !== "127.0.0.1" || (url.port || "80") !== String(port))
    throw new TypeError("The path leads elsewhere.");
  return fetch(url, {
    method: options.method ?? "GET",
    headers: { ...options.headers },
    body: options.body ?? null,
    redirect: "error",
    signal: options.signal,
  });
}
