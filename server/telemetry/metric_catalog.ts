/**
 * What each metric of the node's statistics is: counter, gauge or histogram, and what it means.
 *
 * The rooms report plain numbers; this table alone knows which of them only rise. A counter's name
 * ends in `_total`, as Prometheus asks. `METRICS.md` shows the same table to operators, and a test
 * holds the two and a running node against each other.
 *
 * @module
 */

/** How a metric behaves. */
export type MetricKind = "counter" | "gauge" | "histogram";

/** A metric as `/metrics` declares it. */
export interface MetricText {
  /** The whole name. */
  readonly name: string;
  readonly kind: MetricKind;
  /** What it means, in words. */
  readonly help: string;
}

/** Kind, meaning and, where it has another one, name, by the flat name of `statistics_names.ts`. */
const texts: Readonly<Record<string, readonly [MetricKind, string, string?]>> = {
  time_closed_version: [
    "gauge",
    "What a linearizable read looks at: no commit comes at or below it",
    "closed_version",
  ],
  time_watermark_age_seconds: [
    "gauge",
    "How far back reads go: the watermark's distance from the closed version",
    "watermark_age_seconds",
  ],
  time_holders: ["gauge", "Snapshots that are held", "snapshot_holders"],
  time_rules: ["gauge", "Retention rules of prefixes", "retention_rules"],
  time_expiry_lag_seconds: [
    "gauge",
    "How long the first expired key that is not removed yet has been due",
    "expiry_lag_seconds",
  ],
  time_expiry_backlogs: [
    "gauge",
    "Expired keys that are not removed yet, counted up to ten thousand",
    "expiry_backlog",
  ],

  uptime_seconds: ["gauge", "Since the node was opened"],

  progress_applied_index: ["gauge", "The last entry of the log that was applied"],
  progress_durable_index: [
    "gauge",
    "Up to this entry sstables hold everything: replay begins here",
  ],
  progress_last_version: ["gauge", "The version of the last commit, microseconds since 1970"],
  progress_watermark: ["gauge", "The oldest version that can be read where no rule says otherwise"],
  progress_oldest_held_version: ["gauge", "The oldest version that somebody holds, where one does"],

  watch_watches: ["gauge", "Watches that are open", "watches_open"],
  watch_laggings: ["gauge", "Of those the ones that read the tree to catch up", "watches_lagging"],
  watch_lag_seconds_max: [
    "gauge",
    "Watch lag: how old the oldest change is that some watch has not been told of",
    "watch_lag_seconds",
  ],
  watch_queued_bytes: ["gauge", "Changes in memory that wait for those who watch"],
  watch_delivered_events: ["counter", "Changes that watches were told of"],
  watch_resets: ["counter", "Watches that ended because they could not go on without a gap"],

  commands_put: ["counter", "Puts applied, replay included"],
  commands_delete: ["counter", "Deletes of one key applied"],
  commands_delete_range: ["counter", "Deletes of a range applied"],
  commands_transaction: ["counter", "Transactions applied"],
  commands_revert: ["counter", "Keys set back to an old version"],
  commands_retention: ["counter", "Changes of the retention rules"],
  commands_advance: ["counter", "Empty commands, which move versions on without a write"],
  commands_expire: ["counter", "Commands that remove expired keys"],
  commands_expired_key: ["counter", "Keys those removed"],
  commands_conflict: ["counter", "Commands whose condition or check did not hold"],
  commands_remembered: ["counter", "Repeated commands answered from memory"],

  memory_memtable_bytes: ["gauge", "What all memtables hold"],
  memory_memtable_bytes_max: ["gauge", "What all memtables may hold"],
  memory_frozen_bytes: ["gauge", "What memtables on their way to the disk hold"],
  memory_block_cache_bytes: ["gauge", "Blocks of sstables in memory"],
  memory_block_cache_bytes_max: ["gauge", "What the block cache may take"],

  log_frames: ["counter", "Frames written to the node log: one sync each"],
  log_records: ["counter", "Records appended to the node log"],
  log_written_bytes: ["counter", "Bytes of those frames"],
  log_syncs: ["counter", "Syncs of the node log"],
  log_failed_writes: ["counter", "Frames that could not be written, a full disk included"],
  log_segments: ["gauge", "Files of the node log"],
  log_size_bytes: ["gauge", "What those files take"],
  log_groups: ["gauge", "Groups that share the node log"],
  log_torn_bytes: ["gauge", "Cut off as torn when the log was opened"],
  log_rewritten_bytes: ["gauge", "Written anew when the log was opened"],

  group_term: ["gauge", "The term of the group"],
  group_last_index: ["gauge", "The last entry of the group's log"],
  group_applied_index: ["gauge", "The last entry that was applied"],
  group_durable_index: ["gauge", "The last entry that sstables hold"],
  group_proposals: ["counter", "Commands proposed to the group"],
  group_entries: ["counter", "Entries those were gathered into"],
  group_entry_bytes: ["counter", "Bytes of those entries"],
  group_refused: ["counter", "Proposals refused: too many waited, or the disk is full"],
  group_waiting_bytes: ["gauge", "Proposals that wait for their entry to be sealed"],
  group_entry_wait_seconds: [
    "histogram",
    "How long the first command of an entry waited until the log was given the entry",
  ],
  group_replayed: ["gauge", "Entries applied again when the group was opened"],

  tree_flushes: ["counter", "Memtables that became sstables"],
  tree_flushed_bytes: ["counter", "Bytes of those sstables"],
  tree_install_wait_seconds: [
    "histogram",
    "How long a change of the tree's files waited for the one before",
  ],
  tree_stalls: ["counter", "Writes that were slowed or stopped"],
  tree_stall_seconds: ["counter", "How long those waited together"],
  tree_dropped_tables: ["counter", "Sstables removed whole, unread: all in them was dead"],
  tree_compactions: ["counter", "Compactions finished"],
  tree_moved: ["counter", "Sstables that went a level down as they were"],
  tree_compaction_read_bytes: ["counter", "Read by the compaction thread"],
  tree_compaction_written_bytes: ["counter", "Written by the compaction thread"],
  tree_dropped: ["counter", "Old versions dropped by compaction and VACUUM"],
  tree_dropped_bytes: ["counter", "Bytes of those"],
  tree_dead_entries: [
    "gauge",
    "Entries of sstables superseded or deleted, readable or not; estimated",
  ],
  tree_dead_bytes: ["gauge", "Bytes of those, before compression; estimated"],
  tree_reclaimable_bytes: [
    "gauge",
    "Vacuum debt: bytes that VACUUM would give back now; estimated",
  ],
  tree_is_vacuuming: ["gauge", "Whether VACUUM is at work, by itself or by request"],
  tree_vacuums: ["counter", "Merges of VACUUM, by itself or by request"],
  tree_vacuum_read_bytes: ["counter", "Read by those"],
  tree_vacuum_written_bytes: ["counter", "Written by those"],
  tree_throttled_seconds: ["counter", "How long merges paused to keep within the bound of I/O"],
  tree_memtable_bytes: ["gauge", "What the memtable that is written to holds"],
  tree_memtable_entries: ["gauge", "Entries of that memtable"],
  tree_frozen_memtables: ["gauge", "Memtables on their way to the disk"],
  tree_frozen_memtable_bytes: ["gauge", "What those hold"],
  tree_block_cache_bytes: ["gauge", "Blocks of sstables in memory"],
  tree_block_cache_hits: ["counter", "Blocks found in memory"],
  tree_block_cache_misses: ["counter", "Blocks read from the disk"],
  tree_compaction_debt_bytes: ["gauge", "Compaction debt: bytes that wait to be compacted"],
  tree_watermark: ["gauge", "The oldest version that the tree can be read at"],
  tree_last_version: ["gauge", "The newest version in the tree"],
  tree_applied_index: ["gauge", "The last entry of the log in the tree"],
  tree_durable_index: ["gauge", "The last entry of the log in sstables"],

  disk_reads: ["counter", "Reads of files by the main thread"],
  disk_read_bytes: ["counter", "Bytes of those reads"],
  disk_writes: ["counter", "Writes of files by the main thread"],
  disk_written_bytes: ["counter", "Bytes of those writes"],
  disk_opens: ["counter", "Files opened by the main thread"],
  disk_name_changes: ["counter", "Files removed or renamed by the main thread"],
  disk_failed: ["counter", "Calls of the disk that failed, a full disk included"],
  disk_sync_duration_seconds: ["histogram", "How long syncs of files and folders took"],
  disk_free_bytes: ["gauge", "Free space where the data is; absent where the node may not know"],
};

/** Returns what a flat name stands for; a name that is not in the table is a gauge. */
export function metricText(flatName: string): MetricText {
  const found = texts[flatName];
  if (found === undefined) {
    const help = `Of the node's statistics: ${flatName}`;
    return { name: `ankylo_${flatName}`, kind: "gauge", help };
  }
  const [kind, help, named = flatName] = found;
  return { name: kind === "counter" ? `ankylo_${named}_total` : `ankylo_${named}`, kind, help };
}
