// Makes one backup of a data folder that lies on the same disk, and says its folder when it is made.
// node back-up.ts <data folder> <folder of the backups>
import { createBackup } from "../../../server/backup/create.ts";
import { dataPlaces } from "../../../server/places.ts";
import { say } from "./say.ts";

const [dataDir = "", to = ""] = process.argv.slice(2);
say(createBackup(dataPlaces(dataDir), to, new Date()).dir);
