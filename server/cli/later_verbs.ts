/**
 * Verbs that later pieces of work bring. They are known, so that nobody takes them for a mistyped
 * name, and say that they are not there.
 *
 * @module
 */
import type { Command } from "commander";
import { CliError } from "./cli_error.ts";

/** Each verb and what it waits for. */
export const laterVerbs: Readonly<Record<string, string>> = {
  members: "list the members of the cluster",
  shards: "list the shards",
  locate: "tell where a key lives",
  transfer: "hand leadership over",
  drain: "move everything off a node",
  add: "add a member",
  remove: "remove a member",
  promote: "make a learner a voter",
  split: "split a shard",
  merge: "merge two shards",
  move: "move a replica",
  rebalance: "spread replicas anew",
  events: "follow what happens in the cluster",
  analyze: "gather statistics",
  explain: "tell how a read would be served",
  stats: "show statistics",
  hot: "show the keys that are asked for most",
  backup: "make and look after backups",
  restore: "fill an empty folder from a backup",
  archive: "look after log shipping",
  cluster: "run three nodes on this machine",
};

/** Adds the verbs to a program. */
export function addLaterVerbs(program: Command): void {
  for (const [name, description] of Object.entries(laterVerbs)) {
    program
      .command(name)
      .description(`${description} (not implemented yet)`)
      .argument("[anything...]")
      .allowUnknownOption()
      .action(() => {
        throw new CliError("not_implemented", `Cannot run ${name}: it is not implemented yet`);
      });
  }
}
