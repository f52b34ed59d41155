/**
 * The table of planted bugs.
 *
 * @module
 */
import type { PlantedBug } from "./bite.ts";

const crashPoints = ["tests/sim/crash_points_test.ts"];

/** Every bug that a test must see. */
export const plantedBugs: readonly PlantedBug[] = [
  {
    name: "the log is not synced",
    file: "consensus/log_appender.ts",
    find: "await syncOrFail(current.file.path, () => current.file.sync());",
    replace: "",
    tests: crashPoints,
  },
  {
    name: "a command is acknowledged before the sync has ended",
    file: "consensus/log_appender.ts",
    find: "await syncOrFail(current.file.path, () => current.file.sync());",
    replace: "void syncOrFail(current.file.path, () => current.file.sync());",
    tests: crashPoints,
  },
  {
    name: "the name of a new log segment is not made durable",
    file: "consensus/segment.ts",
    find: "await syncOrFail(directory, () => disk.syncDirectory(directory));",
    replace: "",
    tests: crashPoints,
  },
  {
    name: "names that a killed process left in the log's folder are trusted",
    file: "consensus/log_recovery.ts",
    find: "await syncOrFail(directory, () => config.disk.syncDirectory(directory));",
    replace: "",
    tests: crashPoints,
  },
  {
    name: "the name of the log's folder is not made durable",
    file: "sharding/data_folder.ts",
    find: "  await disk.syncDirectory(dataDirectory);",
    replace: "",
    tests: crashPoints,
  },
  {
    name: "an sstable is not synced before the manifest names it",
    file: "storage/lsm/sstable_writer.ts",
    find: "await this.#file.sync();",
    replace: "",
    tests: crashPoints,
  },
  {
    name: "the name of an sstable is not made durable",
    file: "storage/tree_files.ts",
    find: "if (fresh.length > 0) await syncNames(this.#config.disk, this.#config.directory);",
    replace: "",
    tests: crashPoints,
  },
  {
    name: "a manifest edit is lost",
    file: "storage/lsm/manifest.ts",
    find:
      "writer.append(encodeEdit(edit), { fileNumber: this.#number, position: this.#syncedEnd });",
    replace: "encodeEdit(edit);",
    tests: crashPoints,
  },
  {
    name: "a torn tail of the log is not cut off",
    file: "consensus/log_recovery.ts",
    find: "erase(segment.file, { start: end, end: dirtyEnd });",
    replace: "",
    tests: ["tests/consensus/log_recovery_test.ts", ...crashPoints],
  },
  {
    name: "the log's tail is trusted without being written anew",
    file: "consensus/log_recovery.ts",
    find: "rewrite(segment.file, { start, end });",
    replace: "",
    tests: ["tests/consensus/log_recovery_test.ts", ...crashPoints],
  },
  {
    name: "a mark of the log is not checked",
    file: "storage/log/log_reader.ts",
    find: "if (log.end >= position) return;",
    replace: "if (log.end >= 0) return;",
    tests: ["tests/sim/rot_test.ts"],
  },
  {
    name: "the checksum of a block is not checked",
    file: "storage/lsm/physical_block.ts",
    find: "if (found !== wanted) {",
    replace: "if (found === undefined) {",
    tests: ["tests/sim/rot_test.ts"],
  },
  {
    name: "the checksum of a frame's body is not checked",
    file: "storage/log/log_reader.ts",
    find:
      "if (!isFrameBody(body, header, { fileNumber: this.#fileNumber, position })) return undefined;",
    replace: "isFrameBody(body, header, { fileNumber: this.#fileNumber, position });",
    tests: ["tests/storage/log/log_reader_test.ts"],
  },
  {
    name: "a tombstone is dropped above deeper versions",
    file: "storage/mvcc/collect.ts",
    find: "return kind === EntryKind.tombstone && !this.#isDeeper(key);",
    replace: "return kind === EntryKind.tombstone;",
    tests: crashPoints,
  },
  {
    name: "a version above the watermark is dropped",
    file: "storage/mvcc/collect.ts",
    find: "if (version > this.#horizons.userVersion) return false;",
    replace: "if (version > this.#horizons.userVersion + 40_000) return false;",
    tests: ["tests/sim/simulate_test.ts"],
  },
  {
    name: "a bloom filter says no wrongly",
    file: "storage/lsm/bloom_filter.ts",
    find: "if (key !== hashedKey) hashKey(key);",
    replace: "",
    tests: ["tests/storage/lsm/bloom_filter_test.ts"],
  },
  {
    name: "a cursor skips an entry where a block ends",
    file: "storage/lsm/sstable_cursor.ts",
    find: "if (!this.isValid && this.#useBlock(this.#blockIndex + 1)) super.seekToFirst();",
    replace:
      "if (!this.isValid && this.#useBlock(this.#blockIndex + 1)) { super.seekToFirst(); super.next(); }",
    tests: ["tests/storage/lsm/sstable_cursor_test.ts"],
  },
  {
    name: "the answer to a request is not remembered",
    file: "sharding/request_memory.ts",
    find: "this.#store.write(treeKey, version, EntryKind.value, out.buffer, 0, out.length);",
    replace: "void treeKey;",
    tests: ["tests/sim/simulate_test.ts"],
  },
  {
    name: "the watermark passes a held snapshot",
    file: "sharding/replica.ts",
    find: "const oldestHeldVersion = this.#engine.oldestHeldVersion();",
    replace: "const oldestHeldVersion = undefined;",
    tests: ["tests/sim/simulate_test.ts"],
  },
  {
    name: "versions follow a wall clock that went back",
    file: "storage/mvcc/version_clock.ts",
    find: "const base = Math.max(this.#clock.wallMicros(), this.#last + 1);",
    replace: "const base = this.#clock.wallMicros();",
    tests: ["tests/storage/mvcc/version_clock_test.ts"],
  },
  {
    name: "a flush says that more is durable than it wrote",
    file: "storage/engine.ts",
    find: "await this.#files.install({ applied, added: [{ level: 0, meta }] });",
    replace: "await this.#files.install({ applied: this.applied, added: [{ level: 0, meta }] });",
    tests: crashPoints,
  },
  {
    name: "nothing is refused after a sync has failed",
    file: "consensus/log_appender.ts",
    find: "    this.#isStopped = true;\n    if (this.#hasFailed) return;",
    replace: "    if (this.#hasFailed) return;",
    tests: ["tests/consensus/log_appender_test.ts", "tests/sim/io_failures_test.ts"],
  },
  {
    name: "the name of a new manifest in force is not made durable",
    file: "storage/lsm/manifest.ts",
    find: "      await syncNames(this.#disk, this.#directory);\n      this.#file?.close();",
    replace: "      this.#file?.close();",
    tests: ["tests/storage/lsm/manifest_test.ts", ...crashPoints],
  },
  {
    name: "the log lets go of what is applied and not yet flushed",
    file: "consensus/raft_group.ts",
    find: "log.truncate(groupId, machine.durableIndex);",
    replace: "log.truncate(groupId, machine.appliedIndex);",
    tests: crashPoints,
  },
  {
    name: "a frame whose write failed is left in the log",
    file: "consensus/log_appender.ts",
    find: "      writer.erase();",
    replace: "",
    tests: ["tests/consensus/log_appender_test.ts", "tests/sim/io_failures_test.ts"],
  },
  {
    name: "a deadline in the log is said to leave nothing behind",
    file: "consensus/raft_group.ts",
    find: 'this.#inFlight?.expireHanded(nowMs, () => outcomeUnknown("its deadline has passed"));',
    replace: "this.#inFlight?.expireHanded(nowMs, deadlineExceeded);",
    tests: ["tests/sim/deadlines_test.ts"],
  },
  {
    name: "the condition of a put is not checked",
    file: "sharding/apply.ts",
    find: 'if (!holds(condition, current)) return { outcome: "condition_failed", current };',
    replace: "void current;",
    tests: ["tests/sim/simulate_test.ts"],
  },
  {
    name: "a restart leaves out the first entry above the flush",
    file: "consensus/group_replay.ts",
    find: "log.entriesOf(groupId, machine.appliedIndex + 1)",
    replace: "log.entriesOf(groupId, machine.appliedIndex + 2)",
    tests: crashPoints,
  },
];
