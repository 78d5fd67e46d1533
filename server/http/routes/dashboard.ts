import { AppError } from "../../errors.ts";
import { securityHeaders } from "../security-headers.ts";
import type { Route } from "./route.ts";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import path from "node:path";

/** The dashboard's files by exact path: nothing else of the folder can be asked for. */
const FILES: Readonly<Record<string, { file: string; type: string }>> = {
  "/": { file: "index.html", type: "text/html; charset=utf-8" },
  "/index.html": { file: "index.html", type: "text/html; charset=utf-8" },
  "/dashboard.js": { file: "dashboard.js", type: "text/javascript; charset=utf-8" },
  "/dashboard.js.map": { file: "dashboard.js.map", type: "application/json" },
};

/** In the page, this text becomes the nonce that its inline script and style need. */
const NONCE_PLACE = "__CSP_NONCE__";
const NONCE_BYTES = 16;

export const dashboardRoutes: readonly Route[] = Object.entries(FILES).map(([route, { file, type }]) => ({
  method: "GET",
  path: route,
  about: `The dashboard's ${file}, at ${route}.`,
  open: true,
  answers: type.split(";", 1)[0]! as `text/${string}`,
  async handle(c, { mediaDir }) {
    const text = await readFile(path.join(mediaDir, file), "utf8").catch((cause: unknown) => {
      throw new AppError("not-found", "The dashboard is not built. Run `npm run build`.", { cause });
    });
    const nonce = randomBytes(NONCE_BYTES).toString("base64");
    const headers = { ...securityHeaders(nonce), "Content-Type": type };
    return c.body(text.replaceAll(NONCE_PLACE, nonce), 200, headers);
  },
}));
