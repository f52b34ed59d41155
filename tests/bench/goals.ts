/**
 * What is to be reached, as ratios to the peers.
 *
 * @module
 */
import { undisturbed } from "./samples.ts";

/** A goal for one metric. */
export interface Goal {
  /** What it is called in the table. */
  readonly name: string;
  readonly metric: string;
  /** Whom it is measured against; undefined where the figure itself is the goal. */
  readonly against: string | undefined;
  /** Ours by theirs, or the figure itself. */
  readonly goal: number;
  /** Whether more is better. */
  readonly isMore: boolean;
  /** The loosest ratio that still counts as reached in a release. */
  readonly required: number;
}

/** Three quarters of a throughput goal are required, and one and a half times a tail goal. */
function atLeast(name: string, metric: string, against: string, goal: number): Goal {
  return { name, metric, against, goal, isMore: true, required: goal * 0.75 };
}

function atMost(name: string, metric: string, against: string | undefined, goal: number): Goal {
  return { name, metric, against, goal, isMore: false, required: goal * 1.5 };
}

/** The goals for one node, in the order of the table. */
export const goals: readonly Goal[] = [
  ...[64, 256].flatMap((count) => [
    atLeast(`puts/s, ${count} connections`, `puts, ${count} connections: rate`, "etcd", 3.5),
    atLeast(`puts/s, ${count} connections`, `puts, ${count} connections: rate`, "redis", 0.6),
  ]),
  // The design sets these for three nodes; one node must not be worse.
  ...[64, 256].map((count) =>
    atMost(`put p99, ${count} connections`, `puts, ${count} connections: p99`, "etcd", 0.35)
  ),
  atMost("put p99, 1 connection", "puts, 1 connections: p99", "etcd", 1),
  atLeast("gets/s", "gets, 64 connections: rate", "etcd", 8),
  atLeast("scans of 100 keys/s", "scans of 100, 16 connections: rate", "etcd", 10),
  atLeast("scans of 1,000 keys/s", "scans of 1,000, 16 connections: rate", "etcd", 10),
  atLeast("sequential fill in process, batches", "fill sequential", "LevelDB", 0.7),
  // The goal was set by db_bench as it comes, which puts one key at a time.
  atLeast("sequential fill in process, single", "fill sequential, single puts", "RocksDB", 1),
  atLeast("random get in process", "random get", "LevelDB", 1.2),
  atLeast("random get in process", "random get", "RocksDB", 0.9),
  atLeast("full scan in process", "full scan", "LevelDB", 2.5),
  atLeast("full scan in process", "full scan", "RocksDB", 0.6),
  atMost("memory", "memory after the fill, many keys", "etcd", 0.25),
  atMost("restart to first read", "restart to first read, many keys", "etcd", 0.15),
  atMost("log recovery, s/GB", "log replay", undefined, 4),
  ...["puts", "gets"].flatMap((load) => [
    atLeast(`${load}/s during VACUUM`, `${load} beside VACUUM: rate`, undisturbed, 0.85),
    atMost(
      `${load === "puts" ? "put" : "get"} p99 during VACUUM`,
      `${load} beside VACUUM: p99`,
      undisturbed,
      2,
    ),
  ]),
  // The design sets no goal for this: what a node needs for a tail, as against etcd.
  atMost(
    "longest put while space is given back",
    "longest put while space is given back",
    "etcd",
    0.35,
  ),
  atMost("space over live bytes after VACUUM", "space after VACUUM", undefined, 1.3),
  // A million keys that expire at once are as hard as VACUUM is.
  atLeast("puts/s while keys expire", "puts while keys expire: rate", undisturbed, 0.85),
  atMost("put p99 while keys expire", "puts while keys expire: p99", undisturbed, 2),
];
