import { parentPort } from "node:worker_threads";
import { followHere } from "../following.ts";
import { serveFollowing } from "./served-following.ts";

/** Entry of the tracker's thread: git, commit steps, log and search, away from the editor's keys. */
if (parentPort !== null) serveFollowing(parentPort, followHere());
