/**
 * The door of the consensus room: the node's log, groups, and the machine that a group drives.
 *
 * @module
 */
export * from "./errors.ts";
export {
  type RaftGroupOptions,
  raftGroupOptions,
  raftGroupOptionsDefault,
} from "./group_options.ts";
export { type NodeLogOptions, nodeLogOptions, nodeLogOptionsDefault } from "./log_options.ts";
export type { HardState, LogRecord } from "./log_record.ts";
export { type LogEntry, NodeLog, type NodeLogConfig, type NodeLogStatistics } from "./node_log.ts";
export { RaftGroup, type RaftGroupConfig, type RaftGroupStatistics } from "./raft_group.ts";
export * from "./state_machine.ts";
