import assert from "node:assert/strict";
import { runAlone } from "../bench/privacy/run-alone.ts";

describe("the whole loop where there is no other machine", function () {
  this.timeout(180_000);

  it("asks for none: no packet, no connection, no name; and forgotten code is nowhere", async () => {
    const found = await runAlone(new AbortController().signal);
    if (found === null) {
      // Nobody may have a network of their own here; a runner of CI is such a place. The benchmark says so too.
      process.stderr.write("      no network namespace is allowed here: nothing was counted\n");
      return;
    }
    const { elsewhere, refused, datagrams, counted, filesBefore, filesAfter } = found;
    assert.deepEqual({ elsewhere, refused, datagrams }, { elsewhere: 0, refused: 0, datagrams: 0 });
    assert.ok(counted.refused > 0 && counted.datagrams > 0, "the counters cannot rise: nothing was tested");
    assert.ok(filesBefore > 0);
    assert.deepEqual(filesAfter, []);
  });
});
