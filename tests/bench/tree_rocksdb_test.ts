import { deepEqual } from "node:assert/strict";
import { parseDbBench } from "./tree_rocksdb.ts";

Deno.test("parseDbBench() reads the rates of the benchmarks that we know", () => {
  const output = "DB path: [x]\n" +
    "fillseq      :       3.144 micros/op 318066 ops/sec 3.1 seconds 1 operations;   82.5 MB/s\n" +
    "flush        : 12 micros/op 99 ops/sec\n" +
    "seekrandom   :      47.1 micros/op 21231 ops/sec; (9 of 10 found)\n";
  deepEqual(parseDbBench(output), {
    "fill sequential": 318_066,
    "scans of 100 in process": 21_231,
  });
});
