import { hashOf } from "../content-hash.ts";
import { syncDirectory } from "../durable-file.ts";
import type { DataPlaces } from "../places.ts";
import { checkAdapterFile } from "./adapter-check.ts";
import { MAX_LINE_BYTES } from "./layout.ts";
import type { UnpackedArchive } from "./read-archive.ts";
import { readRecords } from "./record-file.ts";
import { invalidArchive } from "./tar.ts";
import {
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  renameSync,
  statSync,
} from "node:fs";
import { randomUUID } from "node:crypto";
import path from "node:path";
import { z } from "zod";

/** Brings files of an archive to where the store looks for them. What is named by nothing in the end is a leftover. */
export interface FilePlacer {
  /** Compares a dataset's files with each other. @throws AppError `archive-invalid` */
  checkDataset(sha256: string, id: string): Promise<{ readonly suggestionIds: ReadonlySet<string> }>;
  placeDataset(sha256: string): void;
  /** False for weights that must not be served. @throws AppError `archive-invalid` */
  placeVersionFile(version: string, name: string, sha256: string, bytes: number): boolean;
}

const datasetManifest = z.looseObject({ rows: z.looseObject({ sha256: z.string() }) });
const datasetRow = z.looseObject({ suggestionId: z.string().nullable() });
/** Hexadecimal digits of a dataset's hash that name it. */
const DATASET_ID_CHARS = 16;

export function createFilePlacer({ manifest, fileOf }: UnpackedArchive, places: DataPlaces): FilePlacer {
  const hashes = new Map(manifest.members.map((member) => [member.path, member]));
  return {
    async checkDataset(sha256, id) {
      const name = `datasets/${sha256}/manifest.json`;
      const rows = `datasets/${sha256}/rows.jsonl`;
      const file = fileOf(name);
      if (statSync(file).size > MAX_LINE_BYTES) throw invalidArchive(`${name} is too large`);
      const parsed = datasetManifest.safeParse(parseJson(readFileSync(file, "utf8")));
      const isWhole =
        parsed.success && parsed.data.rows.sha256 === hashes.get(rows)?.sha256 && hashes.get(name)?.sha256 === sha256;
      if (!isWhole || sha256.slice(0, DATASET_ID_CHARS) !== id) {
        throw invalidArchive(`the dataset ${id} is not the one that its hash names`);
      }
      const suggestionIds = new Set<string>();
      for await (const { data } of readRecords(fileOf(rows), rows, datasetRow, undefined)) {
        if (data.suggestionId !== null) suggestionIds.add(data.suggestionId);
      }
      return { suggestionIds };
    },
    placeDataset(sha256) {
      const dir = path.join(places.datasets, sha256);
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      for (const part of ["rows.jsonl", "manifest.json"]) {
        place(fileOf(`datasets/${sha256}/${part}`), path.join(dir, part));
      }
      syncDirectory(places.datasets);
    },
    placeVersionFile(version, name, sha256, bytes) {
      const member = `versions/${version}/${name}`;
      const file = fileOf(member);
      const found = hashes.get(member);
      if (found?.sha256 !== sha256 || found.bytes !== bytes) {
        throw invalidArchive(`${member} is not the file that the version names`);
      }
      const isSound = checkAdapterFile(name, file, member);
      const target = path.join(places.files, sha256);
      // A file of that name with other bytes is damage: it is replaced by what its name says.
      if (!existsSync(target) || hashOf(readFileSync(target)) !== sha256) place(file, target);
      return isSound;
    },
  };
}

/** A copy, because two versions may have the same file; it gets its name when it is on the disk. */
function place(from: string, to: string): void {
  const temporary = path.join(path.dirname(to), `.${path.basename(to)}.${randomUUID()}.tmp`);
  copyFileSync(from, temporary);
  const fd = openSync(temporary, "r+");
  fsyncSync(fd);
  closeSync(fd);
  renameSync(temporary, to);
  syncDirectory(path.dirname(to));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
