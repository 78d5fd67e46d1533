import { fuzzHistory } from "./test/support/survival/fuzz-history.ts";
for (let s = Number(process.argv[2]); s < Number(process.argv[2]) + Number(process.argv[4] ?? 6); s++) {
  let n = 0;
  const r = await fuzzHistory({ seed: s, nSteps: 60, async look(repository) { const o = await repository.look(); if (process.argv[3] === "restart" && n++ % 5 === 0) await repository.restart(); if (process.argv[3]) await repository.look(); return o; } });
  console.log(s, r.nChecks, JSON.stringify({ over: r.over.slice(0, 2), under: r.under.slice(0, 2), notDead: r.notDead.slice(0, 1), untold: r.untold.slice(0, 1) }).slice(0, 700));
}
