// Makes everything below a folder durable: files first, then the folders that name them.
import { closeSync, fsyncSync, openSync, readdirSync } from "node:fs";
import path from "node:path";

function settle(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const place = path.join(dir, entry.name);
    if (entry.isDirectory()) settle(place);
    else if (entry.isFile()) sync(place);
  }
  sync(dir);
}

function sync(place) {
  const file = openSync(place, "r");
  fsyncSync(file);
  closeSync(file);
}

settle(process.argv[2]);
