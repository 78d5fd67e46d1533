import { describeRemote } from "../../support/s3-suite.ts";
import { startTestS3, type TestS3 } from "../../support/test-s3.ts";

describe("kept remote", () => {
  let s3: TestS3;
  before(async () => {
    s3 = await startTestS3("team", "key");
  });
  after(() => s3[Symbol.asyncDispose]());
  describeRemote("a bucket as SeaweedFS answers", () => ({
    url: s3.url,
    bucket: "team",
    env: { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" },
  }));
});
