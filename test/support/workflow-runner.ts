import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";

const run = promisify(execFile);

/** What a step of a workflow says. */
interface Step {
  readonly name: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly with?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly "working-directory"?: string;
}

interface Workflow {
  readonly env: Readonly<Record<string, string>>;
  readonly jobs: Readonly<Record<string, { readonly if?: string; readonly steps: readonly Step[] }>>;
}

/** Where a workflow runs, and what the host gives it. */
export interface RunnerPlace {
  /** Folder that the job works in; empty before checkout. */
  readonly workspace: string;
  /** Repositories by the name that a checkout asks for; `""` is the one that the workflow is of. */
  readonly repositories: Readonly<Record<string, string>>;
  /** Folders of the cache by their keys, and uploaded artifacts by their names. */
  readonly cache: string;
  readonly artifacts: string;
  readonly event: string;
  readonly runId: string;
  readonly vars: Readonly<Record<string, string>>;
  readonly inputs: Readonly<Record<string, unknown>>;
}

export interface RanStep {
  readonly name: string;
  /** Null when its condition did not hold. */
  readonly code: number | null;
  readonly output: string;
}

export interface RanJob {
  readonly steps: readonly RanStep[];
  readonly failed: boolean;
  readonly summary: string;
  readonly outputs: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/**
 * Does what a host of workflows does with the only job of a file, step by step: `run` with bash, and of the actions
 * what they are for: checkout clones, setup-node looks at the version, cache and artifacts copy folders.
 */
export async function runWorkflow(file: string, place: RunnerPlace): Promise<RanJob> {
  const workflow = parse(readFileSync(file, "utf8")) as Workflow;
  const [job] = Object.values(workflow.jobs);
  const outputs: Record<string, Record<string, string>> = {};
  const steps: RanStep[] = [];
  let failed = false;
  let summary = "";
  const contexts = (env: Readonly<Record<string, string>>): Contexts => ({
    github: {
      run_id: place.runId,
      run_attempt: "1",
      event_name: place.event,
      event: { workflow_run: { conclusion: "success" } },
    },
    vars: place.vars,
    inputs: place.inputs,
    env,
    steps: Object.fromEntries(Object.entries(outputs).map(([id, of]) => [id, { outputs: of }])),
    failed,
  });
  const jobEnv: Record<string, string> = {};
  for (const [key, value] of Object.entries(workflow.env)) jobEnv[key] = fill(String(value), contexts(jobEnv));
  assert.ok(job!.if === undefined || truthy(evaluate(inside(job!.if), contexts(jobEnv))), "the job is left out");
  for (const step of job!.steps) {
    const asked = step.if === undefined ? "success()" : inside(step.if);
    const condition = /\b(always|failure|success)\(\)/.test(asked) ? asked : `success() && (${asked})`;
    if (!truthy(evaluate(condition, contexts(jobEnv)))) {
      steps.push({ name: step.name, code: null, output: "" });
      continue;
    }
    const env = { ...jobEnv };
    for (const [key, value] of Object.entries(step.env ?? {})) env[key] = fill(String(value), contexts(jobEnv));
    const files = { summary: path.join(place.artifacts, "summary.md"), outputs: path.join(place.artifacts, "outputs") };
    writeFileSync(files.outputs, "");
    writeFileSync(files.summary, "");
    const given = Object.fromEntries(
      Object.entries(step.with ?? {}).map(([key, value]) => [key, fill(String(value), contexts(env))]),
    );
    const ran =
      step.run === undefined
        ? await useAction(step.uses!, given, place)
        : await runScript(step.run, path.join(place.workspace, fill(step["working-directory"] ?? ".", contexts(env))), {
            ...env,
            GITHUB_STEP_SUMMARY: files.summary,
            GITHUB_OUTPUT: files.outputs,
            GITHUB_EVENT_NAME: place.event,
          });
    if (step.id !== undefined) outputs[step.id] = readOutputs(files.outputs);
    summary += readFileSync(files.summary, "utf8");
    failed ||= ran.code !== 0;
    steps.push({ name: step.name, ...ran });
  }
  return { steps, failed, summary, outputs };
}

/** The longest step: npm's, on a busy machine, milliseconds. */
const STEP_MS = 400_000;

async function runScript(
  script: string,
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<{ code: number; output: string }> {
  // As hosts run it: the first command that fails ends the step.
  const args = ["--noprofile", "--norc", "-eo", "pipefail", "-c", script];
  const options = { cwd, env: { ...cleanEnv(), ...env }, timeout: STEP_MS, maxBuffer: 2 ** 26 };
  try {
    const { stdout, stderr } = await run("bash", args, options);
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout = "", stderr = "" } = error as { code?: unknown; stdout?: string; stderr?: string };
    return { code: typeof code === "number" ? code : 1, output: stdout + stderr };
  }
}

/** Without what the tests themselves were given: a runner knows nothing of it. */
const cleanEnv = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(KEPT_|GITHUB_|npm_|INIT_CWD$)/i.test(key)));

async function useAction(
  uses: string,
  given: Readonly<Record<string, string>>,
  place: RunnerPlace,
): Promise<{ code: number; output: string }> {
  const action = uses.replace(/^https:\/\/data\.forgejo\.org\//, "").replace(/@v\d+$/, "");
  const within = (folder: string): string => path.resolve(place.workspace, folder);
  switch (action) {
    case "actions/checkout": {
      const from = place.repositories[given["repository"] ?? ""];
      assert.ok(from, `a repository ${given["repository"]}`);
      const to = within(given["path"] ?? ".");
      await run("git", ["clone", "--quiet", "--no-hardlinks", from, to]);
      return { code: 0, output: "" };
    }
    case "actions/setup-node":
      assert.equal(process.versions.node.split(".")[0], given["node-version"]);
      return { code: 0, output: "" };
    case "actions/cache/restore": {
      const keys = existsSync(place.cache) ? readdirSync(place.cache).toSorted() : [];
      const found =
        keys.find((key) => key === given["key"]) ??
        keys.findLast((key) => key.startsWith(given["restore-keys"]!.trim()));
      if (found !== undefined) cpSync(path.join(place.cache, found), within(given["path"]!), { recursive: true });
      return { code: 0, output: found ?? "" };
    }
    case "actions/cache/save":
      mkdirSync(place.cache, { recursive: true });
      cpSync(within(given["path"]!), path.join(place.cache, given["key"]!), { recursive: true });
      return { code: 0, output: "" };
    case "actions/upload-artifact":
    case "forgejo/upload-artifact":
      cpSync(within(given["path"]!), path.join(place.artifacts, given["name"]!), { recursive: true });
      return { code: 0, output: "" };
    default:
      throw new Error(`The runner does not know ${uses}.`);
  }
}

function readOutputs(file: string): Record<string, string> {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.includes("="));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

interface Contexts {
  readonly github: unknown;
  readonly vars: unknown;
  readonly inputs: unknown;
  readonly env: unknown;
  readonly steps: unknown;
  readonly failed: boolean;
}

const inside = (text: string): string => /^\s*\$\{\{(.*)\}\}\s*$/s.exec(text)?.[1] ?? text;
const fill = (text: string, contexts: Contexts): string =>
  text.replaceAll(/\$\{\{(.*?)\}\}/g, (_, expression: string) => String(evaluate(expression, contexts) ?? ""));
const truthy = (value: unknown): boolean =>
  value !== "" && value !== false && value !== null && value !== undefined && value !== 0;

/** The expressions that the templates use: names, texts, `==`, `!=`, `&&`, `||`, brackets, always() and success(). */
function evaluate(expression: string, contexts: Contexts): unknown {
  const tokens = expression.match(/'[^']*'|\|\||&&|==|!=|[()]|[\w.-]+/g) ?? [];
  let at = 0;
  const primary = (): unknown => {
    const token = tokens[at++]!;
    if (token === "(") {
      const value = or();
      assert.equal(tokens[at++], ")", expression);
      return value;
    }
    if (token.startsWith("'")) return token.slice(1, -1);
    if (tokens[at] === "(") {
      at += 2;
      assert.match(token, /^(always|success|failure)$/, expression);
      return token === "always" || (token === "success") !== contexts.failed;
    }
    return token
      .split(".")
      .reduce<unknown>((holder, key) => (holder as Record<string, unknown> | undefined)?.[key] ?? "", contexts);
  };
  const compared = (): unknown => {
    const left = primary();
    const operator = tokens[at];
    if (operator !== "==" && operator !== "!=") return left;
    at += 1;
    return (String(left) === String(primary())) === (operator === "==");
  };
  const and = (): unknown => {
    let value = compared();
    while (tokens[at] === "&&") {
      at += 1;
      const right = compared();
      value = truthy(value) ? right : value;
    }
    return value;
  };
  const or = (): unknown => {
    let value = and();
    while (tokens[at] === "||") {
      at += 1;
      const right = and();
      value = truthy(value) ? value : right;
    }
    return value;
  };
  const value = or();
  assert.equal(at, tokens.length, expression);
  return value;
}
