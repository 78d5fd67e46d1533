import { fillHole, type InfillingTask } from "./infilling-task.ts";
import { runPrograms, type RunOptions, type Verdict } from "./run-programs.ts";

/** The module that is run for a completion: the filled code, and its assertions in a function of their own. */
export function programFor(task: InfillingTask, completion: string): string {
  return `${fillHole(task, completion)}\nexport async function runAssertions(assert) {\n${task.assertions}\n}\n`;
}

/** Whether a task's assertions hold with this completion, in a sandboxed process of its own. */
export async function runTask(
  task: InfillingTask,
  completion: string,
  options: RunOptions,
): Promise<{ readonly verdict: Verdict }> {
  const [verdict] = await runPrograms([programFor(task, completion)], options);
  return { verdict: verdict! };
}
