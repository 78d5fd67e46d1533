import { fuzzHistory } from "./test/support/survival/fuzz-history.ts";
let n = 0; let rep: any; const marks: string[] = [];
const seed = Number(process.argv[2]); const sidWanted = process.argv[3];
const r = await fuzzHistory({ seed, nSteps: 60, async look(repository) { rep = repository; const o = await repository.look(); let l = repository.records.length; const show = (t: string, from: number) => { for (const x of repository.records.slice(from)) if ((x as any).sid === sidWanted || x.kind === "head") marks.push(t + " " + JSON.stringify(x).slice(0, 420)); };
 show("look", (globalThis as any).last ?? 0); if (n++ % 5 === 0) { await repository.restart(); marks.push("restart"); } await repository.look(); show("look2", l); (globalThis as any).last = repository.records.length;
 marks.push("HEAD " + await repository.git("log", "--oneline", "--all", "--graph", "--format=%h %p %s %D")); return o; } });
const m = r.under[0] ?? r.untold[0]!; console.log(m.sid, m.place, m.counted, m.found); console.log(m.story.slice(-25).join(" | ")); console.log(marks.slice(-22).join("\n"));
