import { parseDocument } from "yaml";
import { z } from "zod";
import { TASKS, type Measurement } from "./measurement.ts";

/** One result of the card: the figures of one data set. */
export type CardResult = Omit<Measurement, "details">;

const FRONT_MATTER = /^---\n([^]*?\n)---\n/;

/** Figures are stored to this many significant digits: the next ones differ between processors. */
const DIGITS = 5;

/** Hugging Face's model-index, as far as this benchmark writes it. */
const modelIndex = z.tuple([
  z.object({
    name: z.string(),
    results: z.array(
      z.object({
        task: z.object({ type: z.string(), name: z.enum(TASKS) }),
        dataset: z.object({
          type: z.string(),
          name: z.string(),
          revision: z.string(),
          args: z.object({ limit: z.int().nonnegative() }),
        }),
        metrics: z.array(z.object({ type: z.string(), value: z.number() })),
      }),
    ),
  }),
]);

/**
 * The `model-index` results of a card's front matter; null when it has none.
 *
 * @throws SyntaxError for a card without front matter, ZodError for a model-index in another shape
 */
export function readCardResults(card: string): CardResult[] | null {
  const index = (frontMatter(card).toJS() as { "model-index"?: unknown } | null)?.["model-index"];
  if (index === undefined) return null;
  const [{ results }] = modelIndex.parse(index);
  return results.map(({ task, dataset, metrics }) => ({
    task: task.name,
    dataset: dataset.name,
    revision: dataset.revision,
    limit: dataset.args.limit,
    figures: Object.fromEntries(metrics.map(({ type, value }) => [type, value])),
  }));
}

/** The card with these results in its `model-index` and every other line as it was. */
export function writeCardResults(card: string, name: string, measurements: readonly CardResult[]): string {
  const document = frontMatter(card);
  const results = measurements.map(({ task, dataset, revision, limit, figures }) => ({
    task: { type: "text-generation", name: task },
    dataset: { type: `kept-${task}`, name: dataset, revision, args: { limit } },
    metrics: Object.entries(figures).map(([type, value]) => ({ type, value: rounded(value) })),
  }));
  document.delete("model-index");
  const others = FRONT_MATTER.exec(card)![1]!.replace(/^model-index:.*\n(?:[ \t-].*\n|\n)*/m, "");
  document.contents = null;
  document.set("model-index", [{ name, results }]);
  return card.replace(FRONT_MATTER, () => `---\n${others}${document.toString({ lineWidth: 0 })}---\n`);
}

function frontMatter(card: string) {
  const text = FRONT_MATTER.exec(card)?.[1];
  if (text === undefined) throw new SyntaxError("The model card has no front matter.");
  const document = parseDocument(text);
  if (document.errors[0]) throw document.errors[0];
  return document;
}

const rounded = (value: number): number => (Number.isInteger(value) ? value : Number(value.toPrecision(DIGITS)));
