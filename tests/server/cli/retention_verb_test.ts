import { deepEqual, equal, match } from "node:assert/strict";
import { cli, withNode, withStub } from "./harness.ts";

const answer = {
  retention: "10m",
  oldest: "00000000000000010000",
  oldestTime: "2026-11-23T08:00:01.000000Z",
  rules: [
    { prefix: "audit/", retention: "30d", oldest: "00000000000000000000" },
    { prefixBase64: "/w==", versions: 5, oldest: "00000000000000020000" },
  ],
};

Deno.test("retention shows the rules and, at the end, what counts for all other keys", async () => {
  await withStub(() => Response.json(answer), async (run) => {
    const { stdout } = await run(["retention"]);
    const rows = stdout.split("\n").filter((line) => line.startsWith("│"))
      .map((line) => line.split("│").map((cell) => cell.trim()).slice(1, 3));
    deepEqual(rows, [
      ["keys", "kept"],
      ["audit/", "30d"],
      ["base64:/w==", "5 versions"],
      ["all other keys", "10m"],
    ]);
    deepEqual(JSON.parse((await run(["retention", "list", "-o", "json"])).stdout), answer);
  });
});

Deno.test("retention set sends a duration or a count under the prefix's bytes", async () => {
  await withStub(() => Response.json({ deleted: true }), async (run, sent) => {
    equal((await run(["retention", "set", "a b/", "1m"])).exitCode, 0);
    equal((await run(["retention", "set", "/w==", "versions=5", "--key-base64"])).exitCode, 0);
    equal((await run(["retention", "remove", "a b/"])).stdout, "removed\n");
    deepEqual(sent.map(({ method, path, body }) => `${method} ${path} ${body}`), [
      'PUT /v1/admin/retention?prefix=a%20b/ {"retention":"1m"}',
      'PUT /v1/admin/retention?prefix=%FF {"versions":5}',
      "DELETE /v1/admin/retention?prefix=a%20b/ ",
    ]);
  });
});

for (const term of ["soon", "versions=0", "versions=x", "5"]) {
  Deno.test(`ankylo retention set a/ ${term} is wrong usage`, async () => {
    const { exitCode, stderr } = await cli(["retention", "set", "a/", term]);
    equal(exitCode, 2);
    match(stderr, /^ankylo: invalid_usage: /);
  });
}

for (const args of [["forget"], ["set", "a/"], ["remove"]]) {
  Deno.test(`ankylo retention ${args.join(" ")} is wrong usage`, async () => {
    equal((await cli(["retention", ...args])).exitCode, 2);
  });
}

Deno.test("retention rules come and go on a node", async () => {
  await withNode(async (run) => {
    equal((await run(["retention", "set", "a/", "1m"])).exitCode, 0);
    const rules = async () => JSON.parse((await run(["retention", "-o", "json"])).stdout).rules;
    deepEqual(
      (await rules()).map(({ prefix, retention }: Record<string, string>) => [
        prefix,
        retention,
      ]),
      [["a/", "1m"]],
    );
    equal((await run(["retention", "remove", "a/"])).exitCode, 0);
    deepEqual(await rules(), []);
  });
});
