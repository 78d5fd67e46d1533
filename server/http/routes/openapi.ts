import { openApiDocument } from "../openapi.ts";
import type { Route } from "./route.ts";

export const openApiRoutes: readonly Route[] = [
  {
    method: "GET",
    path: "/openapi.json",
    about: "This interface as an OpenAPI 3.1 document, made from the contracts that the server itself uses.",
    answers: "application/json",
    async handle(c) {
      // Not at the top: the table of routes holds this one.
      const { ROUTES } = await import("./route-table.ts");
      return c.json(openApiDocument(ROUTES));
    },
  },
];
