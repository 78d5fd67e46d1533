/**
 * code-server answers that every proposed interface is switched on for every extension, so code that
 * throws in stock VS Code passes there. This makes the one function that is asked answer like stock:
 * only for extensions whose description names the proposal.
 *
 * Throws when the function is not found: a bundle that is not patched proves nothing.
 */
export function patchProposedApi(bundle: string): string {
  const asked = new Set(
    [...bundle.matchAll(/([\w$]+)\([\w$.]+,"inlineCompletionsAdditions"\)/g)].map(([, name]) => name!),
  );
  // Some of the callers go through a second function that throws; the answer is given by one of them.
  const proposals = new Set(
    [
      ...bundle.matchAll(
        /([\w$]+)\([\w$.]+,"(?:chatParticipantAdditions|defaultChatParticipant|contribSourceControlHistoryItemMenu)"\)/g,
      ),
    ].map(([, name]) => name!),
  );
  let nPatched = 0;
  for (const name of new Set([...asked, ...proposals])) {
    const always = new RegExp(`function ${name.replaceAll("$", "\\$")}\\(([\\w$]+),([\\w$]+)\\)\\{return ?!0\\}`, "g");
    bundle = bundle.replace(always, (_whole, extension: string, proposal: string) => {
      nPatched += 1;
      return `function ${name}(${extension},${proposal}){return!!(${extension}&&${extension}.enabledApiProposals||[]).includes(${proposal})}`;
    });
  }
  if (nPatched === 0)
    throw new Error("The function that answers for proposed interfaces was not found: is this another code-server?");
  return bundle;
}
