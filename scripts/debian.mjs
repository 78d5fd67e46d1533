// Programs that the suites need and npm does not have. Called under Node 24.
import { run, say } from "./setup.mjs";
import { accessSync, constants } from "node:fs";
import path from "node:path";

/**
 * The first of `names` on the path; Debian's `packages` are installed when none is there and this runs as root.
 * @throws when it is not there and cannot be installed, with what to do
 */
export async function ensureProgram(names, packages) {
  const found = onPath(names);
  if (found) return found;
  const [name] = names;
  if (process.getuid?.() !== 0 || !onPath(["apt-get"])) {
    throw new Error(`no ${name} found. Install it (Debian: apt-get install ${packages.join(" ")})`);
  }
  say(`Installing ${packages.join(" and ")} from Debian…`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const quiet = { env, stdio: ["ignore", "ignore", "inherit"] };
  if ((await run("apt-get", ["update", "-qq"], quiet)) !== 0) throw new Error("apt-get update failed");
  const code = await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], quiet);
  const installed = onPath(names);
  if (code !== 0 || !installed) throw new Error(`apt-get install ${packages.join(" ")} ended with code ${code}`);
  return installed;
}

function onPath(names) {
  for (const name of names) {
    for (const dir of (process.env.PATH ?? "").split(path.delimiter)) {
      const file = path.join(dir, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not in this folder: look in the next.
      }
    }
  }
  return null;
}
