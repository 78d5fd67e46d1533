// node import-archive.ts <data folder> <archive>: takes an archive in, and says so when it is in.
import { importArchive } from "../../../server/archive/import-archive.ts";
import { DEFAULT_MAX_BYTES } from "../../../server/archive/layout.ts";

const [dataDir, file] = process.argv.slice(2);
const { signal } = new AbortController();
try {
  const { events } = await importArchive({
    dataDir: dataDir!,
    file: file!,
    maxBytes: DEFAULT_MAX_BYTES,
    signal,
    onProgress: () => {},
  });
  process.stdout.write(`${events.new}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 1;
}
