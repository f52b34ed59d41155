import { deepEqual, equal, match } from "node:assert/strict";
import {
  DenoDisk,
  type Disk,
  DiskError,
  type DiskFile,
  silentLogger,
} from "../../storage/env/mod.ts";
import { textLine } from "../../server/assemble.ts";
import { formatValue } from "../../server/config.ts";
import { configFields } from "../../server/config_fields.ts";
import { createServer, readConfig } from "../../server/mod.ts";
import { smallNode } from "./cli/harness.ts";
import { withFolder } from "./cli/serve_process.ts";

Deno.test("textLine() turns a line of the log into words", () => {
  const line = '{"time":"T","level":"warn","event":"slow","ms":3,"path":"/a b"}\n';
  equal(textLine(line), 'T WARN  slow ms=3 path="/a b"\n');
});

Deno.test("assemble() opens the node over the disk it is given, and a failed sync is fatal", async () => {
  await withFolder(async (folder) => {
    const host = new DenoDisk();
    let isBroken = false;
    const failing = breakableDisk(host, () => isBroken);
    const fatal: unknown[] = [];
    const config = readConfig({
      flags: { dataDir: `${folder}/data`, listen: "127.0.0.1:0", ...smallNode },
    });
    const server = createServer({
      config,
      parts: { disk: failing, logger: silentLogger },
      onFatal: (error) => fatal.push(error),
    });
    await server.start();
    const first = await fetch(`${server.url}/v1/kv/a`, { method: "PUT", body: "1" });
    equal(first.status, 200);
    await first.body?.cancel();
    isBroken = true;
    const second = await fetch(`${server.url}/v1/kv/a`, { method: "PUT", body: "2" });
    equal(second.status >= 500, true);
    const problem = await second.json();
    deepEqual([problem.code, fatal.length], ["outcome_unknown", 1]);
    match(String(fatal[0]), /sync/);
    await server.stop();
    equal(host.openFileCount, 0);
  });
});

const historyNames = [
  "retention",
  "vacuumDeadRatio",
  "vacuumIoMax",
  "vacuumInterval",
  "watchesMax",
  "watchLagMax",
];
for (const [which, index] of [["smallest", 0], ["largest", 1]] as const) {
  Deno.test(`assemble() opens a node with the ${which} numbers that the fields of history take`, async () => {
    await withFolder(async (folder) => {
      const fields = configFields.filter(({ name }) => historyNames.includes(name));
      equal(fields.length, historyNames.length);
      const bounds = fields.map((field) =>
        [field.name, formatValue(field, field.bounds?.[index])] as const
      );
      const config = readConfig({
        flags: {
          dataDir: `${folder}/data`,
          listen: "127.0.0.1:0",
          autovacuum: false,
          ...smallNode,
          ...Object.fromEntries(bounds),
        },
      });
      const server = createServer({ config, parts: { logger: silentLogger } });
      await server.start();
      const { statistics } = await (await fetch(`${server.url}/v1/status`)).json();
      equal(statistics.disk.writtenBytes > 0, true);
      equal(statistics.disk.freeBytes > 0, true);
      await server.stop();
    });
  });
}

/** Returns the disk, whose syncs fail from when `isBroken` says so. */
function breakableDisk(disk: Disk, isBroken: () => boolean): Disk {
  return new Proxy(disk, {
    get(target, name) {
      if (name === "open") {
        return (...args: Parameters<Disk["open"]>) => brokenFile(disk.open(...args), isBroken);
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

function brokenFile(file: DiskFile, isBroken: () => boolean): DiskFile {
  return new Proxy(file, {
    get(target, name) {
      if (name === "sync" && isBroken()) {
        return () => Promise.reject(new DiskError("io", `Cannot sync ${file.path}: it broke`));
      }
      const member: unknown = Reflect.get(target, name, target);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
