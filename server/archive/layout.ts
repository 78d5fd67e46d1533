import { z } from "zod";

/** Rises when an older Kept could not read the archive; see docs/archive.md. */
export const ARCHIVE_FORMAT = 1;
export const MANIFEST_MEMBER = "MANIFEST.json";

/** Bytes of an archive when it is unpacked, unless the user allows more. */
export const DEFAULT_MAX_BYTES = 512 * 2 ** 20;
/** Files in an archive: two for each dataset and three for each version, of years. */
export const MAX_MEMBERS = 20_000;
/** A manifest with the most members, 300 bytes each. */
export const MAX_MANIFEST_BYTES = 8 * 2 ** 20;
/** One record: an event is at most 64 KiB, and the manifest of a dataset or the report of a run a little more. */
export const MAX_LINE_BYTES = 4 * 2 ** 20;
/**
 * Unpacked bytes for each packed one, once there are more than {@link RATIO_FROM_BYTES}: code and prompts
 * that repeat each other pack to a fiftieth, and a bomb to a thousandth.
 */
export const MAX_RATIO = 250;
export const RATIO_FROM_BYTES = 32 * 2 ** 20;

const HEX64 = "[0-9a-f]{64}";
export const VERSION_ID = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
export const ADAPTER_FILES = ["adapter_config.json", "adapter_model.safetensors", "README.md"] as const;

/** Names that an archive may have: anything else is refused, not skipped. */
const MEMBERS = [
  /^README\.md$/,
  /^[a-z]+(-[a-z]+)*\.jsonl$/,
  new RegExp(`^datasets/${HEX64}/(manifest\\.json|rows\\.jsonl)$`),
  /^versions\/[A-Za-z0-9][A-Za-z0-9_-]{0,63}\/(adapter_config\.json|adapter_model\.safetensors|README\.md)$/,
];
export const isMemberName = (name: string): boolean => MEMBERS.some((pattern) => pattern.test(name));

export const archiveMember = z.strictObject({
  path: z.string().refine(isMemberName, "is no name of an archive"),
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Lines, of a file of records. */
  records: z.int().nonnegative().optional(),
});
export type ArchiveMember = z.infer<typeof archiveMember>;

/** The first file: what follows it, in order. */
export const archiveManifest = z.strictObject({
  format: z.literal(ARCHIVE_FORMAT),
  createdAt: z.iso.datetime(),
  keptVersion: z.string().max(64),
  /** Schema version of the store that it was written from. */
  schema: z.int(),
  /** Sequence of the last event in it: it has everything that was acknowledged before it began. */
  eventWatermark: z.int().nonnegative(),
  members: z.array(archiveMember).max(MAX_MEMBERS),
});
export type ArchiveManifest = z.infer<typeof archiveManifest>;

/** Enough to say that an archive is of a later format, whatever else is in it. */
export const anyManifest = z.object({ format: z.int().positive() });
