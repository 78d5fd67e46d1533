import type { Provider } from "./device.ts";

/** What was found about one execution provider on this machine. */
export type Finding = { readonly provider: Provider } & (
  | Ready
  /** This build of ONNX Runtime has no such provider on this platform. */
  | { readonly state: "not-listed" }
  /** The provider is a library of its own, and these files of it are not there. */
  | { readonly state: "libraries-missing"; readonly message: string }
  /** The provider works, and there is no device for it. */
  | { readonly state: "no-device"; readonly message: string }
  /** It crashed, did not answer in time, or computed something else than the CPU. */
  | { readonly state: "failed"; readonly message: string }
);

export interface Ready {
  readonly state: "ready";
  /** The processor plays the device: correct, for tests, and slow. */
  readonly isSoftware: boolean;
  /** Base names of the driver's libraries, where the platform tells. */
  readonly drivers: readonly string[];
  /** Speed of one matrix product on the device and on the processor, billions of operations a second. */
  readonly gflops: number;
  readonly cpuGflops: number;
  /** Largest difference between the two, relative to the largest number. */
  readonly error: number;
}

/** One sentence for a person. */
export function describeFinding(finding: Finding): string {
  switch (finding.state) {
    case "ready": {
      const { isSoftware, drivers, gflops, cpuGflops, error } = finding;
      const through = drivers.length > 0 ? ` through ${drivers.join(", ")}` : "";
      const speed = `${round(gflops)} GFLOP/s beside the processor's ${round(cpuGflops)}`;
      return isSoftware
        ? `a software device answers${through}: ${speed}`
        : `a device answers${through}: ${speed}, largest difference ${error.toExponential(0)}`;
    }
    case "not-listed":
      return "this build of ONNX Runtime does not have it on this platform";
    case "libraries-missing":
      return `libraries are missing: ${finding.message}`;
    case "no-device":
      return `no device: ${finding.message}`;
    case "failed":
      return `the probe failed: ${finding.message}`;
  }
}

/** What a person can do to have the provider; null when there is nothing. */
export function remedy({ provider, state }: Pick<Finding, "provider" | "state">): string | null {
  if (state === "ready" || state === "not-listed") return null;
  if (state === "failed") return "update the graphics driver; until then KEPT_DEVICE=cpu leaves the device alone";
  if (provider === "cuda") {
    return state === "libraries-missing"
      ? "run `npm rebuild onnxruntime-node` without ONNXRUNTIME_NODE_INSTALL=skip, and install CUDA 12 with cuDNN 9"
      : "install NVIDIA's driver for CUDA 12";
  }
  if (provider === "webgpu" && process.platform === "linux")
    return "with a graphics card, install its Vulkan driver and loader (Debian: mesa-vulkan-drivers or nvidia-driver, and libvulkan1)";
  return "install the driver of the graphics card";
}

const round = (gflops: number): string => gflops.toFixed(gflops < 10 ? 1 : 0);
