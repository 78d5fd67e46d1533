import type { EngineMessage, HostMessage } from "../../../../engine/process/messages.ts";
import type { Answer } from "../log.ts";
import { readFileSync } from "node:fs";

/**
 * Test-only completion source: speaks the engine's protocol and answers from the table in
 * KEPT_LABELS_ANSWERS, so that a behaviour can be repeated. Nothing else of Kept is replaced.
 */
function answerFor(prefix: string, suffix: string): string {
  const answers = JSON.parse(readFileSync(process.env["KEPT_LABELS_ANSWERS"]!, "utf8")) as Answer[];
  return answers.find(({ after, below }) => prefix.endsWith(after) && suffix.includes(below ?? ""))?.text ?? "";
}

const reply = (message: EngineMessage) => void process.send!(message);

process.on("message", (message: HostMessage): void => {
  switch (message.kind) {
    case "load":
      return reply({
        kind: "ready",
        model: { name: "answers", sha256: "0".repeat(64), nParameters: 0, contextTokens: 1, fillInTheMiddle: "none" },
      });
    case "complete":
      return reply({
        kind: "completed",
        id: message.id,
        completion: {
          text: answerFor(message.request.prefix, message.request.suffix),
          finish: "stop",
          meanLogProbability: 0,
          nPromptTokens: 0,
          nTokens: 0,
          prefillMs: 0,
          decodeMs: 0,
          adapter: null,
          nExamplesUsed: 0,
          exampleIds: [],
          neighbours: [],
        },
      });
    case "set-examples":
      return reply({ kind: "examples-set", id: message.id });
    case "set-neighbours":
      return reply({ kind: "neighbours-set", id: message.id });
    case "set-adapter":
      return reply({ kind: "adapter-set", id: message.id, version: message.adapter?.version ?? null });
  }
});
process.once("disconnect", () => process.exit(0));
