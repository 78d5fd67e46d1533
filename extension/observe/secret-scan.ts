import { mergeFindings, type Finding } from "../../core/redaction/findings.ts";
import { SECRET_FINDERS } from "../../core/redaction.ts";

/** Finds secrets in a text: Kept's own rules, and those of secretlint. */
export type SecretScan = (text: string) => Promise<readonly Finding[]>;

/**
 * The scan that stands before everything that is written. Secretlint is loaded with the first text and
 * never on the typing path; when it cannot be loaded or fails, Kept's own rules still apply.
 */
export function createSecretScan(log: (message: string) => void): SecretScan {
  let rules: Promise<SecretScan | null> | null = null;
  return async (text) => {
    const own = mergeFindings(await ownFindings(text));
    rules ??= loadSecretlint().catch((error: Error) => {
      log(`Secretlint could not be loaded, Kept's own rules apply: ${error.message}`);
      return null;
    });
    const secretlint = await rules;
    if (!secretlint) return own;
    try {
      return mergeFindings([...own, ...(await secretlint(text))]);
    } catch (error) {
      log(`Secretlint failed on a text, Kept's own rules apply: ${(error as Error).message}`);
      return own;
    }
  };
}

/** The thread is given back after this long, so that a key which comes meanwhile is not kept waiting, milliseconds. */
const SLICE_MS = 1;

async function ownFindings(text: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  let began = performance.now();
  for (const find of SECRET_FINDERS) {
    findings.push(...find(text));
    if (performance.now() - began < SLICE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    began = performance.now();
  }
  return findings;
}

/** Lets a comment in the text switch rules off: what a repository says must not decide what is written. */
const COMMENT_FILTER = "@secretlint/secretlint-rule-filter-comments";

async function loadSecretlint(): Promise<SecretScan> {
  const [{ lintSource }, { rules }, { secretLintProfiler }] = await Promise.all([
    import("@secretlint/core"),
    import("@secretlint/secretlint-rule-preset-recommend"),
    import("@secretlint/profiler"),
  ]);
  // It marks every rule of every text in the process's timeline and keeps the marks for ever.
  secretLintProfiler.setEnabled(false);
  const config = {
    rules: rules.filter(({ meta }) => meta.id !== COMMENT_FILTER).map((rule) => ({ id: rule.meta.id, rule })),
  };
  return async (text) => {
    const { messages } = await lintSource({
      source: { content: text, filePath: "/text", ext: "", contentType: "text" },
      options: { config, noPhysicFilePath: true },
    });
    return messages
      .filter(({ range: [start, end] }) => end > start)
      .map(({ range: [start, end], ruleId }) => ({ start, end, kind: kindOf(ruleId) }));
  };
}

/** `@secretlint/secretlint-rule-slack` finds a `slack-secret`. */
const kindOf = (ruleId: string): string => `${ruleId.replace(/^.*secretlint-rule-/, "").toLowerCase()}-secret`;
