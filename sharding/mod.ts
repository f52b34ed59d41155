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
export { Node, type NodeConfig } from "./node.ts";
export { checkDataFolder, type FolderCheckRequest, type NodeCheckReport } from "./node_check.ts";
export { type NodeOptions, nodeOptions, nodeOptionsDefault } from "./node_options.ts";
export type { MemoryStatistics, NodeStatistics, ProgressStatistics } from "./node_statistics.ts";
