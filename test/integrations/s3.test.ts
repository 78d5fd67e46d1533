import { tempFolder } from "../server/temp-folder.ts";
import { describeRemote } from "../support/s3-suite.ts";
import { BUCKET_KEYS, startBucket, type RealServer } from "./real-server.ts";

describe("SeaweedFS 4.48", function () {
  this.timeout(300_000);
  let server: RealServer;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  before(async () => {
    folder = await tempFolder();
    server = await startBucket(folder.dir, "team");
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  describeRemote("kept remote", () => ({ url: server.url, bucket: "team", env: BUCKET_KEYS }));
});
