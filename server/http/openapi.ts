import * as api from "../../protocol/api.ts";
import * as events from "../../protocol/events.ts";
import * as generations from "../../protocol/generations.ts";
import * as openai from "../../protocol/openai.ts";
import { keptVersion } from "../version.ts";
import type { Route } from "./routes/route.ts";
import { z } from "zod";

type Json = Record<string, unknown>;

/** The parts of the document that have a name: every schema that `protocol/` exports. */
const components = z.registry<{ id: string }>();
const named = new Map<z.ZodType, string>();
for (const [name, value] of Object.entries({ ...events, ...api, ...generations, ...openai }) as [string, unknown][]) {
  if (!(value instanceof z.ZodType) || named.has(value)) continue;
  const id = name[0]!.toUpperCase() + name.slice(1);
  named.set(value, id);
  components.add(value, { id });
}

/** An OpenAPI 3.1 document of the routes; schemas are JSON Schema 2020-12, made from the zod contracts. */
export function openApiDocument(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[route.method.toLowerCase()] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Kept",
      version: keptVersion,
      description: "The companion server on this machine. It listens on 127.0.0.1 only.",
    },
    servers: [
      { url: "http://127.0.0.1:{port}", variables: { port: { default: "0", description: "See server.json." } } },
    ],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "The token in server.json." },
        "label-studio": { type: "http", scheme: "basic", description: "The password that Label Studio was given." },
      },
      schemas: componentSchemas(),
    },
  };
}

function operation({ method, path, about, open, guard, query, body, answers, status = 200 }: Route): Json {
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z0-9]+(.)?/g, (_, next: string = "") => next.toUpperCase())}`,
    summary: about,
    ...(open === true ? { security: [] } : guard === undefined ? {} : { security: [{ [guard]: [] }] }),
    ...parameters(path, query),
    ...(body === undefined ? {} : { requestBody: { required: true, content: jsonContent(body) } }),
    responses: {
      [status]: { description: about, ...answerContent(answers) },
      default: { description: "A problem, with a documented code.", content: problemContent() },
    },
  };
}

function parameters(path: string, query: z.ZodObject | undefined): Json {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const inQuery = Object.entries(query?.shape ?? {}).map(([name, schema]) => ({
    name,
    in: "query",
    required: false,
    schema: schemaOf(schema as z.ZodType),
  }));
  const all = [...inPath, ...inQuery];
  return all.length === 0 ? {} : { parameters: all };
}

function answerContent(answers: Route["answers"]): Json {
  if (answers === undefined) return {};
  if (typeof answers === "string") return { content: { [answers]: {} } };
  return { content: jsonContent(answers) };
}

const jsonContent = (schema: z.ZodType): Json => ({ "application/json": { schema: schemaOf(schema) } });
const problemContent = (): Json => ({ "application/problem+json": { schema: schemaOf(api.problem) } });

/** A reference to a named contract, or the schema itself. What clients send is described before defaults apply. */
function schemaOf(schema: z.ZodType): Json {
  const name = named.get(schema);
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as Json;
  return rest;
}

function componentSchemas(): Json {
  const { schemas } = z.toJSONSchema(components, {
    io: "input",
    unrepresentable: "any",
    uri: (id) => `#/components/schemas/${id}`,
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _s, $id: _i, ...schema }]: [string, Json]) => [id, schema]),
  );
}
