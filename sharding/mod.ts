/**
 * The door of the sharding room: client operations on keys, and the node that serves them.
 *
 * @module
 */
export {
  type Change,
  type ChangeCommit,
  ChangeKind,
  changeTreeKey,
  decodeChangeRecord,
} from "./change_record.ts";
export type { ApplyCounts } from "./apply.ts";
export * from "./database.ts";
export { dataGroupId } from "./data_folder.ts";
export * from "./errors.ts";
export { Node, type NodeConfig, type VacuumRequest, type VacuumView } from "./node.ts";
export { checkDataFolder, type FolderCheckRequest, type NodeCheckReport } from "./node_check.ts";
export { type NodeOptions, nodeOptions, nodeOptionsDefault } from "./node_options.ts";
export type {
  MemoryStatistics,
  NodeStatistics,
  ProgressStatistics,
  TimeStatistics,
} from "./node_statistics.ts";
export { prefixRange } from "./prefix_range.ts";
export { rulePrefixSizeBytesMax } from "./retention_rules.ts";
export type { VacuumFigures, VacuumReport } from "../storage/mod.ts";
export type { WatchStatistics } from "./watch_hub.ts";
