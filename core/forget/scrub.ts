/** What has to go out of the texts that stay. */
export interface ScrubRules {
  /** Texts of what was forgotten at a place, which other texts of that place may hold. */
  needlesAt(root: string, path: string): readonly string[];
  /** True for an excerpt that goes as a whole. */
  isForgottenExcerpt(
    excerpt: { readonly path: string; readonly suggestionId?: string | undefined },
    root: string,
  ): boolean;
}

/** Shorter texts stand everywhere: to take them out would take code out that nobody asked to forget. */
const MIN_NEEDLE_CHARS = 8;
const MIN_LINE_CHARS = 12;

/** What to look for so that no copy of the texts stays: the texts, and their lines that are long enough. */
export function needlesOf(texts: readonly string[]): string[] {
  const needles = new Set<string>();
  for (const text of texts) {
    const whole = text.trim();
    if (whole.length >= MIN_NEEDLE_CHARS) needles.add(whole);
    for (const line of whole.split("\n")) if (line.trim().length >= MIN_LINE_CHARS) needles.add(line.trim());
  }
  // Longest first: a line is looked for in what is left of its text.
  return [...needles].sort((a, b) => b.length - a.length);
}

export const mentions = (text: string, needles: readonly string[]): boolean =>
  needles.some((needle) => text.includes(needle));

export const withoutNeedles = (text: string, needles: readonly string[]): string =>
  needles.reduce((rest, needle) => rest.replaceAll(needle, ""), text);

interface Excerpt {
  readonly path: string;
  readonly text: string;
  readonly suggestionId?: string | undefined;
}

/** Texts of a suggestion's event, wherever they stand. */
interface TextEvent {
  readonly kind: string;
  readonly completion?: string;
  readonly text?: string;
  readonly comment?: string | undefined;
  readonly context?: {
    readonly root: string;
    readonly path: string;
    readonly prefix: string;
    readonly suffix: string;
    readonly examples: readonly Excerpt[];
  };
}

/**
 * The event without copies of what was forgotten, or null when it has none. `place` is where its
 * suggestion stood, for events that do not say it themselves.
 */
export function scrubbedEvent<E extends TextEvent>(
  event: E,
  place: { readonly root: string; readonly path: string } | null,
  rules: ScrubRules,
): E | null {
  const at = event.context ?? place;
  if (!at) return null;
  const needles = rules.needlesAt(at.root, at.path);
  const clean = (text: string) => withoutNeedles(text, needles);
  const scrubbed = {
    ...event,
    ...(event.completion === undefined ? {} : { completion: clean(event.completion) }),
    ...(event.text === undefined ? {} : { text: clean(event.text) }),
    ...(event.comment === undefined ? {} : { comment: clean(event.comment) }),
    ...(event.context === undefined
      ? {}
      : {
          context: {
            ...event.context,
            prefix: clean(event.context.prefix),
            suffix: clean(event.context.suffix),
            examples: event.context.examples
              .filter((excerpt) => !rules.isForgottenExcerpt(excerpt, at.root))
              .map((excerpt) => ({
                ...excerpt,
                text: withoutNeedles(excerpt.text, rules.needlesAt(at.root, excerpt.path)),
              })),
          },
        }),
  };
  return JSON.stringify(scrubbed) === JSON.stringify(event) ? null : scrubbed;
}
