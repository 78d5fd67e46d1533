import type { EventKind, EventOf, KeptEvent } from "../../protocol/events.ts";
import { v7 as uuidv7 } from "uuid";

const FIELDS: { [K in EventKind]: Omit<EventOf<K>, keyof KeptEvent> & Partial<EventOf<K>> } = {
  shown: {
    context: {
      root: "/projects/demo",
      path: "src/sum.ts",
      language: "typescript",
      line: 1,
      column: 2,
      prefix: "export function sum(a: number, b: number) {\n  ",
      suffix: "\n}\n",
      examples: [],
    },
    completion: "return a + b;",
    model: { base: "b".repeat(64), adapter: null },
    latencyMs: 40,
    source: "editor",
  },
  read: { visibleMs: 900 },
  accepted: { visibleMs: 900 },
  "partially-accepted": { characters: 6, fraction: 0.5 },
  "typed-through": { fraction: 1 },
  "typed-over": { visibleMs: 900 },
  rejected: { visibleMs: 900 },
  ignored: { visibleMs: 900 },
  superseded: {},
  undone: { afterMs: 1_000 },
  redone: { afterMs: 500 },
  "typed-instead": { text: "return b + a;" },
  rated: { verdict: "up" },
  retained: { afterMs: 600_000, tokens: 1, strictTokens: 1 },
  loss: { afterMs: 20_000, fraction: 0.5, retained: 0.5, cause: "quick_rewrite" },
  gain: { afterMs: 25_000, fraction: 0.5, retained: 1 },
  diagnostics: {
    afterMs: 120_000,
    introduced: 2,
    fixed: 1,
    left: 1,
    checks: [{ source: "ts", code: "2304" }],
  },
  "code-signal": { verdict: "test-failed", name: "adds", commit: "0".repeat(40), share: 0.5 },
  survived: { commit: "c".repeat(40), afterMs: 700_000, tokens: 1, place: "head" },
};

/** A session whose events follow each other; `of` makes one event of a suggestion. */
export function sampleSession(startMs = 1_700_000_000_000) {
  const sessionId = uuidv7();
  let sequence = 0;
  const of = <K extends EventKind>(kind: K, suggestionId: string, fields: Partial<EventOf<K>> = {}): EventOf<K> =>
    ({
      id: uuidv7(),
      v: 1,
      suggestionId,
      sessionId,
      sequence,
      wallMs: startMs + sequence * 1_000,
      monotonicMs: 1_000 + sequence++ * 1_000,
      kind,
      ...FIELDS[kind],
      ...fields,
    }) as unknown as EventOf<K>;
  /** `shown` and what followed, as `shown accepted retained`. */
  const story = (kinds: string, suggestionId: string = uuidv7()): KeptEvent[] =>
    kinds.split(" ").map((kind) => of(kind as EventKind, suggestionId) as KeptEvent);
  return { sessionId, of, story };
}

/** A `shown` event at one place with one completion. */
export const shownWith = (
  session: ReturnType<typeof sampleSession>,
  suggestionId: string,
  fields: { completion?: string; root?: string; path?: string; prefix?: string; adapter?: string | null },
): EventOf<"shown"> => {
  const base = session.of("shown", suggestionId);
  const { completion = base.completion, adapter = null, ...context } = fields;
  return {
    ...base,
    completion,
    context: { ...base.context, ...context },
    model: { ...base.model, adapter },
  };
};
