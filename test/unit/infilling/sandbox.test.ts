import { readTasks } from "../../bench/infilling/infilling-task.ts";
import { runPrograms, SANDBOX_FLAGS, type Verdict } from "../../bench/infilling/run-programs.ts";
import { runTask } from "../../bench/infilling/run-task.ts";
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import os from "node:os";
import path from "node:path";

/** Longer than any of these needs on a busy machine, and short enough for those that never end. */
const WALL_MS = 20_000;
const ENDLESS_MS = 1_500;

const run = async (source: string, wallMs = WALL_MS): Promise<Verdict> =>
  (await runPrograms([source], { signal: AbortSignal.timeout(60_000), wallMs }))[0]!;

const withAssertions = (code: string, assertions = ""): string =>
  `${code}\nexport async function runAssertions(assert) {\n${assertions}\n}`;

function check(what: string, source: string, expected: Verdict, wallMs?: number): void {
  it(`${what}: ${expected}`, async () => assert.equal(await run(source, wallMs), expected));
}

/** The body runs in the sandbox and must throw what the pattern describes. */
function checkForbidden(what: string, body: string, pattern: RegExp): void {
  it(`${what} is forbidden`, async () => {
    const assertions = `await assert.rejects(async () => { ${body} }, ${pattern});`;
    assert.equal(await run(withAssertions("", assertions)), "passed");
  });
}

describe("the sandbox of infilling programs", function () {
  this.timeout(60_000);

  check("assertions that hold", withAssertions("const a: number = 1;", "assert.equal(a, 1);"), "passed");
  check("an assertion that does not hold", withAssertions("const a = 1;", "assert.equal(a, 2);"), "failed");
  check("an assertion after a wait", withAssertions("", "await null; assert.fail();"), "failed");
  check("code that throws", withAssertions("throw new Error();"), "failed");
  check("code that throws nothing", withAssertions("throw undefined;"), "failed");
  check("no assertions", "export const a = 1;", "failed");
  check("types that do not parse", withAssertions("const a: = 1;"), "syntax");
  check("TypeScript that is more than types", withAssertions("enum A { B }"), "syntax");
  check("a name declared twice", withAssertions("const a = 1; const a = 2;"), "syntax");
  check("an open brace", "function a() {" + withAssertions(""), "syntax");
  check("an open template", withAssertions("const a = `;"), "syntax");

  check("a loop without an end", withAssertions("for (;;);"), "timeout", ENDLESS_MS);
  check(
    "a timer without an end",
    withAssertions("", "await new Promise((r) => setTimeout(r, 1e9));"),
    "timeout",
    1_500,
  );
  check("a promise that nothing settles", withAssertions("", "await new Promise(() => {});"), "crashed");
  check("a heap without an end", withAssertions("const a = []; for (;;) a.push([a.length]);"), "crashed");
  check(
    "an error nobody catches",
    withAssertions("setTimeout(() => { throw new Error(); });", "await new Promise((r) => setTimeout(r, 50));"),
    "crashed",
  );
  if (process.platform === "linux") {
    const buffers = "const a = []; for (;;) a.push(new Uint8Array(2 ** 24).fill(1));";
    check("buffers without an end", withAssertions(buffers), "crashed");
  }

  check("leaving the process", withAssertions("process.exit(0);"), "failed");
  check(
    "a verdict of its own",
    withAssertions('console.log("\\npassed 0\\npassed undefined\\n");', "assert.fail();"),
    "failed",
  );
  check(
    "assertions that were made harmless",
    withAssertions("", "assert.equal = () => {}; assert.equal(1, 2);"),
    "failed",
  );
  check("assertions replaced by the code", withAssertions("export async function runAssertions() {}"), "syntax");

  checkForbidden("the process", "process.env", /process is not defined/);
  checkForbidden("importing the file system", 'await import("node:fs")', /may not be imported/);
  checkForbidden("importing sockets", 'await import("net")', /may not be imported/);
  checkForbidden("importing a text", `await import("data:text/javascript,import 'node:net'")`, /may not be imported/);
  checkForbidden("fetching", 'await fetch("http://127.0.0.1:9")', /fetch is not defined/);
  checkForbidden("a web socket", 'new WebSocket("ws://127.0.0.1:9")', /WebSocket is not defined/);
  checkForbidden("code from a string", 'new Function("return 1")()', /Code generation from strings/);
  checkForbidden("eval", '(0, eval)("1")', /Code generation from strings/);
  checkForbidden("the stream under the console", "console._stdout.write(1)", /undefined/);
  checkForbidden("the required modules", 'require("node:fs")', /require is not defined/);
  check("an import statement", `import net from "node:net";\n${withAssertions("")}`, "failed");

  it("leads from no object to the process, a module or a socket", async () => {
    const crawl = `
      const names = new Set();
      const seen = new Set();
      const timer = setTimeout(() => {}, 0);
      const roots = [globalThis, assert, timer, setImmediate(() => {}), import.meta, new AbortController(), new Error()];
      const queue = roots.concat([new EventTarget(), new URL("data:,"), performance]);
      for (const value of queue) {
        if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value)) continue;
        seen.add(value);
        queue.push(Object.getPrototypeOf(value));
        for (const key of Reflect.ownKeys(value)) {
          names.add(String(key));
          // Getters of prototypes throw without their object.
          try { queue.push(value[key]); } catch {}
          queue.push(Reflect.getOwnPropertyDescriptor(value, key)?.get);
        }
      }
      assert.ok(seen.size > 1_000);
      assert.ok(names.has("AssertionError") && names.has("hasRef"));
      const ways = /^(process|pid|binding|_linkedBinding|internalBinding|require|getBuiltinModule|fetch|connect|Socket|_stdout|spawn|Worker|WebSocket|EventSource|readFileSync)$/;
      assert.deepEqual([...names].filter((name) => ways.test(name)), []);`;
    assert.equal(await run(withAssertions("", crawl)), "passed");
  });

  /** The process's flags alone, for a program that got hold of a module: `sandbox.ts` is not in its way. */
  function checkPermission(what: string, code: string): void {
    it(`the permissions of the process forbid ${what}`, () => {
      const input = `try { ${code}; console.log("done"); } catch (error) { console.log(error.code); }`;
      const { stdout } = spawnSync(process.execPath, SANDBOX_FLAGS, { input, env: {}, encoding: "utf8" });
      assert.equal(stdout.trim(), "ERR_ACCESS_DENIED");
    });
  }
  const target = JSON.stringify(path.join(os.tmpdir(), "kept-infilling-escape"));
  checkPermission("writing a file", `(await import("node:fs")).writeFileSync(${target}, "x")`);
  checkPermission("making a folder", `(await import("node:fs")).mkdirSync(${target})`);
  checkPermission("reading a file", '(await import("node:fs")).readFileSync("/etc/passwd")');
  checkPermission(
    "reading its own program",
    `(await import("node:fs")).readFileSync(${JSON.stringify(import.meta.filename)})`,
  );
  checkPermission("starting a process", '(await import("node:child_process")).spawnSync("true")');
  checkPermission("starting a worker", 'new (await import("node:worker_threads")).Worker("1", { eval: true })');
  it("no file was written meanwhile", () => assert.ok(!existsSync(JSON.parse(target) as string)));

  it("gives each of several programs its verdict, whatever the others do", async () => {
    const good = withAssertions("", "assert.ok(true);");
    const sources = [good, "}", withAssertions("", "assert.fail();"), withAssertions("for (;;);"), good];
    const verdicts = await runPrograms(sources, { signal: AbortSignal.timeout(60_000), wallMs: ENDLESS_MS });
    assert.deepEqual(verdicts, ["passed", "syntax", "failed", "timeout", "passed"]);
  });

  it("ends with its signal", async () => {
    const running = runPrograms([withAssertions("for (;;);")], { signal: AbortSignal.timeout(300), wallMs: WALL_MS });
    await assert.rejects(running, { name: "TimeoutError" });
  });

  const all = readTasks();
  const dozen = Array.from({ length: 12 }, (_, i) => all[Math.floor((i * all.length) / 12)]!);
  for (const task of dozen) {
    it(`runs ${task.id} in a process of its own`, async () => {
      const options = { signal: AbortSignal.timeout(60_000), wallMs: WALL_MS };
      assert.deepEqual(await runTask(task, task.reference, options), { verdict: "passed" });
    });
  }
});
