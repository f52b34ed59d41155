/**
 * Who a data folder belongs to: the file `NODE`, written once before anything else is stored.
 *
 * ```
 * {"format":1,"clusterId":"<32 hex digits>","nodeName":"<name>","checksum":"<8 hex digits>"}
 * ```
 *
 * It is written under another name, synced, renamed and the folder synced, so there is either none
 * or a whole one. The checksum is the CRC-32 of the JSON array of the other three values. Nothing
 * else is made before it is durable: a folder with data and without `NODE` has lost it.
 *
 * @module
 */
import { crc32 } from "node:zlib";
import type { Disk, Logger, Random } from "../storage/env/mod.ts";
import { DiskError } from "../storage/env/mod.ts";
import { StorageError } from "../storage/mod.ts";

const identityFormat = 1;
const identityName = "NODE";
const identitySizeBytesMax = 65_536;
const clusterIdSizeBytes = 16;

/** What `NODE` says. */
export interface NodeIdentity {
  /** Drawn when the first node of the cluster was started; 32 hex digits. */
  readonly clusterId: string;
  /** What the node was called when it was last opened. */
  readonly nodeName: string;
}

/** Where an identity is kept, and what it is made of where there is none. */
export interface IdentityConfig {
  readonly disk: Disk;
  readonly random: Random;
  readonly logger: Logger;
  readonly directory: string;
  readonly nodeName: string;
}

/**
 * Reads the identity of a data folder, and makes one where the folder is new.
 *
 * @throws {StorageError} `corruption`, `unsupported_format`.
 */
export async function openIdentity(config: IdentityConfig): Promise<NodeIdentity> {
  const { disk, directory, nodeName, logger } = config;
  const found = readIdentity(disk, directory);
  if (found === undefined) {
    const clusterId = config.random.bytes(clusterIdSizeBytes).toHex();
    const identity = { clusterId, nodeName };
    await writeIdentity(disk, directory, identity);
    logger.log("info", "node_created", { clusterId, nodeName });
    return identity;
  }
  if (found.nodeName === nodeName) return found;
  const renamed = { ...found, nodeName };
  await writeIdentity(disk, directory, renamed);
  logger.log("warn", "node_renamed", { before: found.nodeName, nodeName });
  return renamed;
}

/**
 * Reads the identity of a data folder; undefined where the folder is new.
 *
 * @throws {StorageError} `corruption`, `unsupported_format`.
 */
export function readIdentity(disk: Disk, directory: string): NodeIdentity | undefined {
  const path = `${directory}/${identityName}`;
  if (!disk.exists(path)) {
    if (disk.exists(`${directory}/log`) || disk.exists(`${directory}/groups`)) {
      throw new StorageError(
        "corruption",
        `Cannot open ${directory}: it has data but no NODE file`,
      );
    }
    return undefined;
  }
  const fields = parseFields(readText(disk, path), path);
  const { format, clusterId, nodeName, checksum } = fields;
  if (format !== identityFormat) {
    throw new StorageError(
      "unsupported_format",
      `Cannot open ${path}: it has format ${String(format)}, known is ${identityFormat}`,
    );
  }
  if (typeof clusterId !== "string" || typeof nodeName !== "string") {
    throw new StorageError("corruption", `Cannot read ${path}: it lacks a field`);
  }
  const wanted = checksumOf({ clusterId, nodeName });
  if (checksum !== wanted) {
    throw new StorageError(
      "corruption",
      `Cannot read ${path}: checksum is ${String(checksum)}, want ${wanted}`,
    );
  }
  return { clusterId, nodeName };
}

async function writeIdentity(
  disk: Disk,
  directory: string,
  identity: NodeIdentity,
): Promise<void> {
  const { clusterId, nodeName } = identity;
  const checksum = checksumOf(identity);
  const text = JSON.stringify({ format: identityFormat, clusterId, nodeName, checksum });
  const path = `${directory}/${identityName}`;
  const temporary = `${path}.new`;
  const file = disk.open(temporary, "create");
  try {
    file.writeSync(new TextEncoder().encode(`${text}\n`), 0);
    await file.sync();
  } finally {
    file.close();
  }
  disk.rename(temporary, path);
  await disk.syncDirectory(directory);
}

function readText(disk: Disk, path: string): string {
  const file = disk.open(path, "read");
  try {
    const sizeBytes = file.sizeBytes();
    if (sizeBytes > identitySizeBytesMax) {
      throw new StorageError("corruption", `Cannot read ${path}: it has ${sizeBytes} bytes`);
    }
    const bytes = new Uint8Array(sizeBytes);
    const count = file.readSync(bytes, 0);
    if (count < sizeBytes) throw new DiskError("io", `Cannot read ${path}: it ends at ${count}`);
    return new TextDecoder().decode(bytes);
  } finally {
    file.close();
  }
}

function parseFields(text: string, path: string): Partial<Record<string, unknown>> {
  try {
    const fields: unknown = JSON.parse(text);
    if (typeof fields === "object" && fields !== null) return { ...fields };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new StorageError("corruption", `Cannot read ${path}: it is not a JSON object`);
}

function checksumOf(identity: NodeIdentity): string {
  const covered = JSON.stringify([identityFormat, identity.clusterId, identity.nodeName]);
  return crc32(covered).toString(16).padStart(8, "0");
}
