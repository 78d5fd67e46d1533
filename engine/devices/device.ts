import { EngineError } from "../engine-error.ts";

/** Execution providers of ONNX Runtime that graphs of the engine are known to run on. */
export const PROVIDERS = ["cpu", "webgpu", "cuda", "dml"] as const;
export type Provider = (typeof PROVIDERS)[number];

/** What a user asks for: a provider by name, or the best that is found. */
export const DEVICES = ["auto", ...PROVIDERS] as const;
export type Device = (typeof DEVICES)[number];

/** The device that `KEPT_DEVICE` names; `auto` when it is unset or empty. Throws EngineError device-invalid. */
export function requestedDevice(env: Readonly<Record<string, string | undefined>>): Device {
  return parseDevice(env["KEPT_DEVICE"] || "auto");
}

/** Throws EngineError device-invalid. */
export function parseDevice(name: string): Device {
  const device = DEVICES.find((known) => known === name.toLowerCase());
  if (device) return device;
  throw new EngineError("device-invalid", `There is no device called ${name}. Devices: ${DEVICES.join(", ")}.`);
}
