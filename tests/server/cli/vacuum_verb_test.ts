import { deepEqual, equal, match } from "node:assert/strict";
import { cli, withNode, withStub } from "./harness.ts";

Deno.test("vacuum sends what is asked for, and follows the job", async () => {
  await withStub(
    ({ method }) =>
      method === "POST"
        ? Response.json({ id: "4", state: "running", progress: null }, { status: 202 })
        : Response.json({ id: "4", state: "done", result: { droppedCount: 3 } }),
    async (run, sent) => {
      const args = ["vacuum", "--prefix", "a/", "--io-limit", "1MiB"];
      match((await run(args)).stdout, /versions dropped │ 3 /);
      deepEqual(JSON.parse(sent[0].body), { prefix: "a/", ioBytesPerSecond: 1_048_576 });
      equal(sent[1].path, "/v1/admin/jobs/4");
      deepEqual(JSON.parse((await run(["vacuum", "-o", "json"])).stdout), { droppedCount: 3 });
      deepEqual(JSON.parse(sent[2].body), {});
    },
  );
});

Deno.test("vacuum --report asks for a report and prints it", async () => {
  const result = { levels: [], prefixes: [], bloat: 1.5 };
  const holders = [{ id: "7", kind: "stream", isHoldingBack: true }];
  await withStub(
    ({ method }) =>
      Response.json(method === "GET" ? { holders } : { id: "1", state: "done", result }),
    async (run, sent) => {
      const { stdout } = await run(["vacuum", "--report"]);
      match(stdout, /1\.50 times the live size/);
      match(stdout, /│ stream │ 7 /);
      await run(["vacuum", "--report", "--prefix", "/w==", "--key-base64"]);
      const posted = sent.filter(({ method }) => method === "POST");
      deepEqual(posted.map(({ body }) => JSON.parse(body)), [
        { report: true },
        { prefixBase64: "/w==", report: true },
      ]);
    },
  );
});

Deno.test("vacuum --release says whether there was such a holder", async () => {
  let released = true;
  await withStub(() => Response.json({ released }), async (run, sent) => {
    equal((await run(["vacuum", "--release", "7"])).stdout, "released\n");
    deepEqual(JSON.parse(sent[0].body), { release: "7" });
    released = false;
    match((await run(["vacuum", "--release", "7"])).stderr, /^ankylo: not_found: /);
  });
});

const misused = [
  ["--report", "--holders"],
  ["--release", "1", "--report"],
  ["--report", "--io-limit", "1MiB"],
  ["--holders", "--prefix", "a"],
  ["--io-limit", "fast"],
];
for (const args of misused) {
  Deno.test(`ankylo vacuum ${args.join(" ")} is wrong usage`, async () => {
    equal((await cli(["vacuum", ...args])).exitCode, 2);
  });
}

Deno.test("vacuum drops old versions of a node, and its report tells of them", async () => {
  await withNode(async (run) => {
    for (let index = 0; index < 50; index++) await run(["put", "a/1", `value ${index}`]);
    equal((await run(["vacuum"])).exitCode, 0);
    const report = JSON.parse((await run(["vacuum", "--report", "-o", "json"])).stdout);
    equal(report.totals.deadCount, 0);
    equal((await run(["vacuum", "--report"])).exitCode, 0);
    const holders = await run(["vacuum", "--holders"]);
    match(holders.stdout, /retention/);
  }, { retention: "0s" });
});
