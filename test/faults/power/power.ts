import { rebuildDisk, type Unsynced } from "./rebuild-disk.ts";
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import path from "node:path";

/** A folder on a disk whose power can fail, and the processes that run on it. */
export interface PoweredFolder extends Disposable {
  /** The folder; empty at first. */
  readonly root: string;
  /** Declares what is in the folder now to be durable. */
  settle(): void;
  /** Starts a Node program whose disk this is. With `cutAfter` the power fails before so many further operations. */
  start(program: readonly string[], options?: DiskFaults, env?: Readonly<Record<string, string>>): ChildProcess;
  /** From now on there is no space left, until {@link makeRoom}. */
  fill(): void;
  makeRoom(): void;
  /** Operations on the disk since the folder was made. */
  operations(): number;
  /** True when the power has failed since the last start. */
  readonly isCut: boolean;
  /** After every process has ended: makes the folder what the cut left of it. */
  restore(unsynced: Unsynced): void;
}

/** What goes wrong, counted in operations from the start of the program. */
export interface DiskFaults {
  /** The power fails before the n-th operation. */
  readonly cutAfter?: number;
  /** The n-th operation fails; with ENOSPC, as on a full disk, so do all that follow. */
  readonly refuse?: { readonly after: number; readonly error: "EIO" | "ENOSPC" };
  /** The fsync of a folder does nothing. */
  readonly ignoresFolders?: boolean;
}

const SETTLE_PROGRAM = path.join(import.meta.dirname, "settle.mjs");
const FIELD = { operations: 0, cutAt: 8, isCut: 16, ignoresFolders: 24, refuseAt: 32, refusal: 40 } as const;
const STATE_BYTES = 48;

let compiled: string | null = null;

function compile(): string {
  const dir = mkdtempSync(path.join(tmpdir(), "kept-shim-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const library = path.join(dir, "power-cut.so");
  const source = path.join(import.meta.dirname, "power-cut.c");
  execFileSync("cc", ["-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source, "-ldl", "-lpthread"]);
  return library;
}

/** @throws when there is no C compiler on the path */
export function createPoweredFolder(): PoweredFolder {
  const dir = realpathSync(mkdtempSync(path.join(tmpdir(), "kept-power-")));
  const root = path.join(dir, "disk");
  const shadow = path.join(dir, "shadow");
  const stateFile = path.join(dir, "state");
  for (const folder of [root, ...["inodes", "folders", "pending"].map((name) => path.join(shadow, name))]) {
    mkdirSync(folder, { recursive: true });
  }
  const library = (compiled ??= compile());
  writeFileSync(stateFile, Buffer.alloc(STATE_BYTES));
  const env = {
    ...process.env,
    LD_PRELOAD: library,
    KEPT_POWER_ROOT: root,
    KEPT_POWER_SHADOW: shadow,
    KEPT_POWER_STATE: stateFile,
  };
  const read = (field: number): number => Number(readFileSync(stateFile).readBigUInt64LE(field));
  const set = (fields: Partial<Record<keyof typeof FIELD, number>>): void => {
    const state = readFileSync(stateFile);
    for (const [name, value] of Object.entries(fields)) {
      state.writeBigUInt64LE(BigInt(value), FIELD[name as keyof typeof FIELD]);
    }
    writeFileSync(stateFile, state, { flag: "r+" });
  };
  /** One field alone, while processes count in another. */
  const setOne = (name: keyof typeof FIELD, value: number): void => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(BigInt(value));
    const fd = openSync(stateFile, "r+");
    writeSync(fd, bytes, 0, bytes.length, FIELD[name]);
    closeSync(fd);
  };
  const rootKey = (): string => {
    const { ino, birthtimeNs } = statSync(root, { bigint: true });
    return `${ino}-${birthtimeNs / 1_000_000_000n}-${birthtimeNs % 1_000_000_000n}`;
  };
  const settle = (): void => {
    set({ cutAt: 0, isCut: 0, ignoresFolders: 0, refuseAt: 0, refusal: 0 });
    execFileSync(process.execPath, [SETTLE_PROGRAM, root], { env, stdio: ["ignore", "ignore", "inherit"] });
  };
  settle();
  return {
    root,
    settle,
    fill() {
      setOne("refusal", constants.errno.ENOSPC);
      setOne("refuseAt", 1);
    },
    makeRoom: () => setOne("refuseAt", 0),
    start(program, { cutAfter = 0, refuse, ignoresFolders = false } = {}, more = {}) {
      const now = read(FIELD.operations);
      set({
        cutAt: cutAfter === 0 ? 0 : now + cutAfter,
        isCut: 0,
        ignoresFolders: ignoresFolders ? 1 : 0,
        refuseAt: refuse ? now + refuse.after : 0,
        refusal: refuse ? constants.errno[refuse.error] : 0,
      });
      return spawn(process.execPath, program, { env: { ...env, ...more }, stdio: ["ignore", "pipe", "pipe"] });
    },
    operations: () => read(FIELD.operations),
    get isCut() {
      return read(FIELD.isCut) === 1;
    },
    restore(unsynced) {
      rebuildDisk(root, shadow, rootKey(), unsynced);
      for (const name of ["inodes", "folders", "pending"]) {
        rmSync(path.join(shadow, name), { recursive: true });
        mkdirSync(path.join(shadow, name));
      }
      settle();
    },
    [Symbol.dispose]: () => rmSync(dir, { recursive: true, force: true }),
  };
}
