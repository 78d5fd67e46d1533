// A software Vulkan driver for the WebGPU tests, on machines with and without a graphics card. Called under Node 24.
import { root, say } from "./setup.mjs";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);
const cache = path.join(root, ".cache/vulkan");
const unpacked = path.join(cache, "driver");

/** Longest that one call of apt may take, milliseconds: twenty megabytes on a slow line. */
const APT_TIMEOUT_MS = 180_000;
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Debian 12's own Mesa lacks a feature that WebGPU asks for; its backports have it. */
const NEEDS_BACKPORTS = ["bookworm"];
/** Folders where a Chromium keeps SwiftShader, its own software driver. */
const CHROMIUM_FOLDERS = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];

/**
 * Variables for a process that shall find one Vulkan driver and no other: the one that `VK_ICD_FILENAMES`
 * names already, else Debian's Mesa, unpacked into .cache/vulkan without being installed (apt checks its
 * signature and hash), else Chromium's SwiftShader.
 */
export async function ensureVulkan() {
  if (process.env.VK_ICD_FILENAMES) return {};
  if (process.platform !== "linux") throw new Error("the software driver is for Linux; set VK_ICD_FILENAMES");
  let problem = null;
  if (!existsSync(unpacked)) problem = await unpackMesa().catch((error) => error);
  if (problem === null) return mesaVariables();
  const folder = CHROMIUM_FOLDERS.find((name) => existsSync(path.join(name, "vk_swiftshader_icd.json")));
  if (!folder) {
    throw new Error(`no software Vulkan driver: ${problem.message}. Set VK_ICD_FILENAMES to the manifest of one`);
  }
  say(`Mesa could not be had (${problem.message}); using Chromium's SwiftShader, which is slower.`);
  return { VK_ICD_FILENAMES: path.join(folder, "vk_swiftshader_icd.json"), LD_LIBRARY_PATH: folder };
}

function mesaVariables() {
  const manifests = path.join(unpacked, "usr/share/vulkan/icd.d");
  const manifest = readdirSync(manifests).find((name) => name.startsWith("lvp_icd"));
  const libraries = path.join(unpacked, "usr/lib");
  const folder = readdirSync(libraries).find((name) => existsSync(path.join(libraries, name, "libvulkan_lvp.so")));
  return {
    VK_ICD_FILENAMES: path.join(manifests, manifest),
    LD_LIBRARY_PATH: path.join(libraries, folder),
    MESA_SHADER_CACHE_DIR: path.join(cache, "shaders"),
  };
}

/** Downloads the packages that this system lacks for Mesa's Vulkan drivers, and unpacks them. */
async function unpackMesa() {
  say("Fetching a software Vulkan driver from Debian…");
  const apt = path.join(cache, "apt");
  rmSync(apt, { recursive: true, force: true });
  for (const folder of ["state/lists/partial", "cache/archives/partial", "driver"]) {
    mkdirSync(path.join(apt, folder), { recursive: true });
  }
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1];
  if (!codename) throw new Error("this is no Debian");
  const backports = `${codename}-backports`;
  const release = NEEDS_BACKPORTS.includes(codename) ? backports : codename;
  writeFileSync(path.join(apt, "sources.list"), await sourcesOf(codename, new Set([codename, release])));
  // State of its own: nothing of the system is changed, and no right to change it is needed.
  const options = {
    "Dir::State": path.join(apt, "state"),
    "Dir::State::status": "/var/lib/dpkg/status",
    "Dir::Cache": path.join(apt, "cache"),
    "Dir::Etc::sourcelist": path.join(apt, "sources.list"),
    "Dir::Etc::sourceparts": "/dev/null",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    "Debug::NoLocking": "1",
    // As a user of its own apt could not write into this folder.
    "APT::Sandbox::User": "root",
  };
  const given = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  await call("apt-get", [...given, "update", "-qq"]);
  const download = ["install", "-y", "-qq", "--download-only", "--reinstall", "--no-install-recommends", "-t", release];
  await call("apt-get", [...given, ...download, "mesa-vulkan-drivers", "libvulkan1"]);
  const archives = path.join(apt, "cache/archives");
  for (const name of readdirSync(archives).filter((file) => file.endsWith(".deb"))) {
    await call("dpkg-deb", ["-x", path.join(archives, name), path.join(apt, "driver")]);
  }
  renameSync(path.join(apt, "driver"), unpacked);
  rmSync(apt, { recursive: true, force: true });
  return null;
}

/** The system's own mirrors of its release, for each of the wanted ones. */
async function sourcesOf(codename, releases) {
  const format = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)";
  const { stdout } = await call("apt-get", ["indextargets", "--format", format, "Created-By: Packages"]);
  const mirrors = stdout
    .split("\n")
    .map((line) => line.split("|"))
    .filter(([, release, component]) => release === codename && component === "main")
    .map(([mirror]) => mirror);
  if (mirrors.length === 0) throw new Error(`apt has no mirror of ${codename}`);
  const signed = existsSync(KEYRING) ? `[signed-by=${KEYRING}] ` : "";
  const lines = [...new Set(mirrors)].flatMap((mirror) =>
    [...releases].map((release) => `deb ${signed}${mirror} ${release} main\n`),
  );
  return lines.join("");
}

async function call(program, args) {
  try {
    return await execute(program, args, { timeout: APT_TIMEOUT_MS, env: { ...process.env, LC_ALL: "C" } });
  } catch (error) {
    if (error.code === "ENOENT") throw new Error(`there is no ${program}`, { cause: error });
    const last = String(error.stderr ?? "")
      .trim()
      .split("\n")
      .at(-1);
    throw new Error(`${program} failed: ${last || error.message}`, { cause: error });
  }
}
