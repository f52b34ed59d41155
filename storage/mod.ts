/**
 * One replica's data on one disk: the door of the room.
 *
 * What it knows: memtables, sstables, versions, VACUUM. What it does not: Raft, shards, HTTP. The
 * floor (clock, disk, random, logger) and the log's frames have doors of their own: `env/mod.ts` and
 * `log/mod.ts`.
 *
 * @module
 */
export { appliedNothing, type AppliedState, machineSizeBytesMax } from "./applied_state.ts";
export {
  type CheckProblem,
  type CheckProgress,
  type CheckReport,
  type CheckRequest,
  checkTree,
} from "./check.ts";
export type {
  CompactionExecutor,
  CompactionJob,
  CompactionOutcome,
} from "./compaction_executor.ts";
export { InlineCompactionExecutor } from "./compaction_executor_inline.ts";
export { WorkerCompactionExecutor } from "./compaction_executor_worker.ts";
export { EntryKind, versionMax } from "./cursor.ts";
export { Engine } from "./engine.ts";
export type { EngineConfig } from "./engine_config.ts";
export type { FoundValue } from "./engine_reads.ts";
export type { EngineStatistics, LevelStatistics } from "./engine_statistics.ts";
export { StorageError, type StorageErrorCode } from "./errors.ts";
export * from "./key_space.ts";
export * from "./limits.ts";
export { BlockCache } from "./lsm/block_cache.ts";
export type { FoundEntry } from "./lsm/found_entry.ts";
export { MemoryBudget } from "./memory_budget.ts";
export type { EntryVersions } from "./mvcc/entry_versions.ts";
export type { ExpiryRule } from "./mvcc/expiry.ts";
export { horizonOf, horizonOver, noHorizons, ruleOf, type TreeRange } from "./mvcc/retention.ts";
export type { HoldRequest, Snapshot, SnapshotHolder } from "./mvcc/snapshot.ts";
export * from "./mvcc/version_clock.ts";
export * from "./mvcc/versionstamp.ts";
export type { VisibleCursor, VisibleRange } from "./mvcc/visible_cursor.ts";
export { nextWatermark } from "./mvcc/watermark.ts";
export * from "./options.ts";
export type { VacuumOutcome, VacuumProgress, VacuumRequest } from "./vacuum.ts";
export type { VacuumFigures, VacuumReport, VacuumReportRequest } from "./vacuum_report.ts";
