/** Oldest Node.js that the native modules here are built for, and the one that Kept is tested with. */
export const OLDEST_NODE = [22, 13] as const;
const RECOMMENDED_NODE = 24;

/** What is wrong with this Node.js version, or null. */
export function nodeVersionProblem(version: string): string | null {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const [oldestMajor, oldestMinor] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return null;
  return (
    `Kept needs Node.js ${oldestMajor}.${oldestMinor} or newer and this is ${version}. ` +
    `Node.js ${RECOMMENDED_NODE} is recommended: run \`npm install\` in Kept's folder, which brings its own copy ` +
    `(node_modules/.bin/node), or install it from https://nodejs.org.`
  );
}

/** Ends the process before any native module is loaded when Node.js is too old for them. */
export function refuseOldNode(): void {
  const problem = nodeVersionProblem(process.version);
  if (problem === null) return;
  process.stderr.write(problem + "\n");
  process.exit(1);
}
