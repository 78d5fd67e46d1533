/** What stands in an archive for a person who has never heard of Kept. */
export const archiveReadme = (now: Date, keptVersion: string): string => `# Data of Kept

Written on ${now.toISOString()} by Kept ${keptVersion}. \`MANIFEST.json\` names every file with its size, its sha256
and its number of records. Files that end in \`.jsonl\` have one JSON object a line, in UTF-8; times are
milliseconds since 1970.

- \`events.jsonl\`: what happened, in the order in which the server learned of it. Everything else that was
  learned follows from these.
- \`suggestions.jsonl\`, \`labels.jsonl\`, \`examples.jsonl\`: what was computed from the events.
- \`datasets.jsonl\`, \`datasets/<sha256>/rows.jsonl\`: what adapters were trained on, a row a line, with
  \`prompt\`-side \`prefix\` and \`suffix\`, the \`completion\`, its \`weight\`, whether it was good, and its \`split\`.
- \`runs.jsonl\`, \`run-points.jsonl\`, \`evaluations.jsonl\`: training, step by step, and how its result was judged.
- \`versions.jsonl\`, \`versions/<id>/\`: adapters, each a PEFT folder (\`PeftModel.from_pretrained\`).
- \`aliases.jsonl\`, \`alias-history.jsonl\`: which of them was served, and when.
- \`forgotten*.jsonl\`: random ids of what was forgotten, so that it does not come back.
- \`settings.jsonl\`: settings of the server.

\`kept import archive <file>\` takes it in. It holds source code: keep it as you keep the code.
`;
