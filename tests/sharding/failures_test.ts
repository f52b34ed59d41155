import { equal, throws } from "node:assert/strict";
import { ConsensusError, type ConsensusErrorCode } from "../../consensus/errors.ts";
import { ShardError } from "../../sharding/errors.ts";
import { checkDeadline, toShardError } from "../../sharding/failures.ts";
import { DiskError } from "../../storage/env/mod.ts";
import { StorageError, type StorageErrorCode } from "../../storage/errors.ts";

const consensus: [ConsensusErrorCode, string][] = [
  ["not_leader", "no_leader"],
  ["overloaded", "overloaded"],
  ["disk_full", "disk_full"],
  ["machine_failed", "storage_failed"],
  ["proposal_too_large", "request_too_large"],
  ["deadline_exceeded", "deadline_exceeded"],
  ["outcome_unknown", "outcome_unknown"],
  ["stopped", "stopped"],
  ["corruption", "storage_failed"],
  ["unsupported_format", "storage_failed"],
];
for (const [code, want] of consensus) {
  Deno.test(`toShardError() says ${want} for ${code} of consensus`, () => {
    const error = toShardError(new ConsensusError(code, "Cannot do it: so"));
    equal(error instanceof ShardError && error.code, want);
    equal(error instanceof ShardError && error.message, "Cannot do it: so");
  });
}

const storage: [StorageErrorCode, string][] = [
  ["disk_full", "disk_full"],
  ["io", "storage_failed"],
  ["sync_failed", "storage_failed"],
  ["corruption", "storage_failed"],
  ["version_vacuumed", "version_vacuumed"],
  ["closed", "stopped"],
];
for (const [code, want] of storage) {
  Deno.test(`toShardError() says ${want} for ${code} of storage`, () => {
    const error = toShardError(new StorageError(code, "Cannot do it: so"));
    equal(error instanceof ShardError && error.code, want);
  });
}

Deno.test("toShardError() hands on the oldest version that could have been read", () => {
  const error = toShardError(new StorageError("version_vacuumed", "Cannot", { oldestVersion: 9 }));
  equal(error instanceof ShardError && error.oldestVersion, 9);
});

Deno.test("toShardError() tells a full disk from a failing one", () => {
  const codeOf = (error: unknown) => error instanceof ShardError && error.code;
  equal(codeOf(toShardError(new DiskError("disk_full", "Cannot write"))), "disk_full");
  equal(codeOf(toShardError(new DiskError("io", "Cannot read"))), "storage_failed");
});

Deno.test("toShardError() leaves what is none of the world's failures as it is", () => {
  const own = new ShardError("no_leader", "Cannot");
  equal(toShardError(own), own);
  const bug = new TypeError("x is undefined");
  equal(toShardError(bug), bug);
});

Deno.test("checkDeadline() throws once the deadline has passed", () => {
  checkDeadline(10, 10);
  throws(() => checkDeadline(10.5, 10), { code: "deadline_exceeded" });
});
