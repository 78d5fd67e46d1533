import type { Readable } from "node:stream";

/**
 * Lines of a UTF-8 stream without their ends. Only a line feed ends a line, with a carriage return before it
 * or not: readline has other ends too, U+2028 among them, and those may stand within a JSON string.
 */
export async function* linesOf(stream: Readable): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of stream.setEncoding("utf8") as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop()!;
    yield* lines.map(withoutReturn);
  }
  if (rest !== "") yield withoutReturn(rest);
}

const withoutReturn = (line: string): string => (line.endsWith("\r") ? line.slice(0, -1) : line);
