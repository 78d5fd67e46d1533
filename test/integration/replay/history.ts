import { createRepository, type TestRepository } from "../tracker/repository.ts";

export type TestHistory = TestRepository;

const handler = (name: string, field: string): string => `
export function ${name}(request: Request, store: Store): Response {
  const ${field} = request.query("${field}");
  if (${field} === undefined) return badRequest("${field} is missing");
  const found = store.find("${name}", ${field});
  return found === null ? notFound(${field}) : json(found);
}
`;

const NAMES = ["user", "order", "invoice", "product", "basket", "address", "payment", "voucher", "carrier", "parcel"];

const PASSING = `
export function celsiusOf(fahrenheit: number): number {
  const freezing = 32;
  return ((fahrenheit - freezing) * 5) / 9;
}
`;

/** A small history of real commits: handlers that are added one after the other, and a function that goes away. */
export async function createHistory(): Promise<TestHistory> {
  const repository = await createRepository();
  let text = `import { badRequest, json, notFound } from "./answers.ts";\n`;
  for (const name of NAMES) {
    text += handler(name, `${name}Id`);
    await repository.commit(`Serve ${name}`, { "src/handlers.ts": text });
  }
  await repository.commit("Convert temperatures", { "src/handlers.ts": text + PASSING });
  await repository.commit("Let the thermometer convert", { "src/handlers.ts": text });
  return repository;
}
