/**
 * The fields of how data is kept: its past, and its files.
 *
 * @module
 */
import type { ConfigField } from "./config_field.ts";

const kibibyte = 1_024;
const mebibyte = 1_048_576;
const gibibyte = 1_073_741_824;
const secondMs = 1_000;
const minuteMs = 60_000;
const dayMs = 86_400_000;

/** How long old versions are kept, and how VACUUM drops them. */
export const historyFields: readonly ConfigField[] = [
  {
    name: "retention",
    kind: "duration",
    shape: "DURATION",
    description: "how long old versions stay readable",
    default: 10 * minuteMs,
    bounds: [0, 3_650 * dayMs],
  },
  {
    name: "autovacuum",
    kind: "switch",
    shape: "true|false",
    description: "whether old versions are dropped without being asked, where enough are dead",
    default: true,
  },
  {
    name: "vacuumDeadRatio",
    kind: "integer",
    shape: "PERCENT",
    description: "from which share of dead bytes on a file is rewritten by itself",
    default: 25,
    bounds: [1, 100],
  },
  {
    name: "vacuumIoMax",
    kind: "size",
    shape: "SIZE",
    description: "what VACUUM reads and writes in a second at most; 0 for no bound",
    default: 64 * mebibyte,
    bounds: [0, 1_024 * gibibyte],
  },
  {
    name: "vacuumInterval",
    kind: "duration",
    shape: "DURATION",
    description: "how often the node looks whether old versions can go",
    default: 5 * secondMs,
    bounds: [100, dayMs],
  },
];

/** How the tree and the log are built. */
export const storageFields: readonly ConfigField[] = [
  {
    name: "valueSizeMax",
    kind: "size",
    shape: "SIZE",
    description: "the longest value",
    default: mebibyte,
    bounds: [1, 16 * mebibyte],
  },
  {
    name: "memoryBudget",
    kind: "size",
    shape: "SIZE",
    description: "what all memtables may hold together",
    default: 96 * mebibyte,
    bounds: [2 * mebibyte, 256 * gibibyte],
  },
  {
    name: "memtableSize",
    kind: "size",
    shape: "SIZE",
    description: "where a memtable is frozen and flushed",
    default: 32 * mebibyte,
    bounds: [64 * kibibyte, gibibyte],
  },
  {
    name: "blockCache",
    kind: "size",
    shape: "SIZE",
    description: "blocks of sstables kept in memory",
    default: 64 * mebibyte,
    bounds: [mebibyte, 256 * gibibyte],
  },
  {
    name: "blockSize",
    kind: "size",
    shape: "SIZE",
    description: "where a block of an sstable is closed",
    default: 16 * kibibyte,
    bounds: [kibibyte, mebibyte],
  },
  {
    name: "compression",
    kind: "choice",
    shape: "METHOD",
    description: "how blocks are compressed; zstd pays from 64KiB blocks on",
    default: "none",
    choices: ["none", "deflate", "zstd"],
  },
  {
    name: "logSizeMax",
    kind: "size",
    shape: "SIZE",
    description: "what the node log may take before it makes a flush; bounds the time of a restart",
    default: 256 * mebibyte,
    bounds: [32 * mebibyte, 1_024 * gibibyte],
  },
  {
    name: "logSegmentSize",
    kind: "size",
    shape: "SIZE",
    description: "the size of one file of the node log; a multiple of 16",
    default: 64 * mebibyte,
    bounds: [32 * mebibyte, gibibyte],
  },
];
