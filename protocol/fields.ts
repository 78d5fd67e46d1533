import * as z from "zod";

/** Fields that several requests share. */

/** One line, nothing that a terminal or a log would act on. */
export const oneLine = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+$/u, "control characters are not allowed");

/** Relative, with forward slashes, and inside of the folder. */
export const insidePath = z
  .string()
  .min(1)
  .max(4_096)
  .refine((path) => !isOutside(path), "the path has to be relative, with forward slashes, inside of root");

const isOutside = (path: string): boolean =>
  /[\0\n\r\\]/.test(path) || path.startsWith("/") || /^[a-z]:/i.test(path) || path.split("/").some(isDots);
const isDots = (part: string): boolean => part === "" || part === "." || part === "..";

/** Absolute path of a folder on any system. */
export const absoluteFolder = z
  .string()
  .min(1)
  .max(4_096)
  .refine((path) => /^(?:\/|[a-z]:[\\/]|\\\\)/i.test(path) && !/[\0\n\r]/.test(path), "root has to be absolute");

/** A commit of git by its whole hash. */
export const commitHash = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/, "a commit is 40 or 64 hex digits");
