/** Least and most of the five fields: minute, hour, day of the month, month, weekday. */
const FIELDS: readonly (readonly [number, number])[] = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 7],
];

/** Whether a text is a time as the workflows of GitHub and Forgejo take it: numbers, `*`, lists, ranges, steps. */
export function isCron(text: string): boolean {
  const fields = text.trim().split(/\s+/);
  return (
    fields.length === FIELDS.length &&
    fields.every((field, i) => field.split(",").every((part) => isPart(part, FIELDS[i]!)))
  );
}

function isPart(part: string, [least, most]: readonly [number, number]): boolean {
  const match = /^(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(part);
  if (match === null) return false;
  const [, from, to, step] = match;
  if (step !== undefined && Number(step) === 0) return false;
  if (from === undefined) return true;
  const first = Number(from);
  const last = Number(to ?? from);
  return first >= least && last <= most && first <= last;
}
