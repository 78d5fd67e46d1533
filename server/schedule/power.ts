import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Where Linux lists batteries and chargers. */
const SUPPLIES = "/sys/class/power_supply";
/** A program that does not answer by then is not asked again for this decision, milliseconds. */
const ANSWER_MS = 5_000;

/** Whether the machine runs on its battery; false where there is none, or where nobody can say. */
export async function isOnBattery(platform = process.platform, supplies = SUPPLIES): Promise<boolean> {
  if (platform === "linux") return linuxOnBattery(supplies);
  if (platform === "darwin") return /drawing from 'Battery Power'/i.test(await output("pmset", ["-g", "batt"]));
  if (platform === "win32") {
    // 1: the battery is discharging (Win32_Battery).
    const query = "(Get-CimInstance Win32_Battery | Select-Object -First 1).BatteryStatus";
    return (await output("powershell.exe", ["-NoProfile", "-NonInteractive", "-Command", query])).trim() === "1";
  }
  return false;
}

/** A battery that discharges while no charger is on; those of mice and headsets do not count. */
async function linuxOnBattery(folder: string): Promise<boolean> {
  let isDischarging = false;
  for (const name of await readdir(folder).catch(() => [])) {
    const read = async (file: string) => (await readFile(path.join(folder, name, file), "utf8").catch(() => "")).trim();
    const type = await read("type");
    if (type === "Mains" && (await read("online")) === "1") return false;
    if (type === "Battery" && (await read("scope")) !== "Device" && (await read("status")) === "Discharging")
      isDischarging = true;
  }
  return isDischarging;
}

const output = (program: string, args: readonly string[]): Promise<string> =>
  new Promise((resolve) => {
    execFile(program, args, { timeout: ANSWER_MS, windowsHide: true }, (error, stdout) => resolve(error ? "" : stdout));
  });
