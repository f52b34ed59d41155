/**
 * Reads what a command will read, before it goes to the log.
 *
 * Applying must come to the same on every replica, so a disk that fails then ends the process, and
 * the entry would meet the same damage after every restart. Found here, the damage is an error of
 * the one request that met it, and nothing has been proposed.
 *
 * @module
 */
import { flatTreeKey, requestTreeKeyAhead, treeRange } from "./command.ts";
import { versionMax } from "../storage/mod.ts";
import { requestIdText } from "./command_codec.ts";
import type { Command, RequestIdentity } from "./database.ts";
import type { ReadStore } from "./replica_store.ts";

/**
 * Reads what is remembered of a request.
 *
 * @throws {StorageError} `corruption`, `io`.
 */
export function probeRequest(
  command: Command,
  request: RequestIdentity,
  tree: { readonly store: ReadStore; readonly version: number },
): void {
  tree.store.get(requestTreeKeyAhead(command, requestIdText(request)), tree.version);
}

/**
 * Reads the keys whose values decide what a command comes to.
 *
 * @throws {StorageError} `corruption`, `io`.
 */
export function probeReads(command: Command, store: ReadStore, version: number): void {
  switch (command.kind) {
    case "put":
      if (command.condition !== undefined) store.get(flatTreeKey(command.key), version);
      break;
    case "delete":
      store.get(flatTreeKey(command.key), version);
      break;
    case "delete_range":
      probeRange(command, store, version);
      break;
    case "revert":
      probeRevert(command, store, version);
      break;
    case "set_retention":
    case "remove_retention":
      break;
    case "transaction":
      for (const { key } of command.checks) store.get(flatTreeKey(key), version);
      for (const key of command.reads) store.get(flatTreeKey(key), version);
      for (const { op, key } of command.mutations) {
        if (op !== "set") store.get(flatTreeKey(key), version);
      }
  }
}

function probeRevert(
  command: Extract<Command, { kind: "revert" }>,
  store: ReadStore,
  version: number,
): void {
  const treeKey = flatTreeKey(command.key);
  if (command.condition !== undefined) store.get(treeKey, version);
  const versions = store.versions(treeKey, versionMax);
  try {
    // Applying stops at the version that it looks for too.
    while (versions.isValid && versions.version > command.toVersion) versions.next();
  } finally {
    versions.close();
  }
}

function probeRange(
  command: Extract<Command, { kind: "delete_range" }>,
  store: ReadStore,
  version: number,
): void {
  const { start, end } = treeRange(command.range);
  if (start >= end) return;
  const cursor = store.cursor({ start, end, version });
  try {
    for (let count = 0; cursor.isValid && count <= command.keyCountMax; count++) cursor.next();
  } finally {
    cursor.close();
  }
}
