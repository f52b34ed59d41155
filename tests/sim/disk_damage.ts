/**
 * What a loss of power leaves of a simulated disk.
 *
 * Only what no sync covered can suffer. Bytes suffer in pieces that lie inside one sector; beside
 * them in the same sector durable bytes stay whole, as disks promise (power-safe overwrite), and a
 * piece written over itself is old or new, which is the same. Names suffer one change at a time, a
 * rename being one change.
 *
 * @module
 */
import type { Random } from "../../storage/env/mod.ts";
import { DiskImage } from "./disk_image.ts";
import { applyBytes, applyNames, Content, makeDirectory, makeFile } from "./disk_nodes.ts";
import type { DirectoryNode, DiskNode, FileNode, PendingBytes } from "./disk_nodes.ts";

/** What becomes of pending bytes. */
export type BytesDamage =
  | "kept"
  | "dropped"
  /** All up to a point in time, which may lie inside a write. */
  | "torn"
  /** Any subset. */
  | "reordered"
  /** Some are zeros, in a file as long as if they had been written. */
  | "zeroed"
  /** Some are noise, or bytes of another place of the file. */
  | "garbage"
  /** Each piece meets any of these. */
  | "mixed";

/** What becomes of pending names. */
export type NamesDamage = "kept" | "dropped" | "prefix" | "subset";

/** One way in which a crash damages a disk. */
export interface Damage {
  readonly bytes: BytesDamage;
  readonly names: NamesDamage;
}

/** The end of a process, not of the machine: everything written is there. */
export const processKill: Damage = { bytes: "kept", names: "kept" };

/** The ways that every crash point is tried with. */
export const damages: readonly Damage[] = [
  processKill,
  { bytes: "dropped", names: "dropped" },
  { bytes: "torn", names: "prefix" },
  { bytes: "reordered", names: "subset" },
  { bytes: "zeroed", names: "kept" },
  { bytes: "garbage", names: "subset" },
  { bytes: "dropped", names: "kept" },
  { bytes: "mixed", names: "subset" },
];

/** Returns the name that a report calls a damage by. */
export function damageName(damage: Damage): string {
  return `bytes ${damage.bytes}, names ${damage.names}`;
}

const sectorSizeBytes = 512;

/** Returns the disk as it is found after the power came back. The image given stays as it is. */
export function crashed(
  image: DiskImage,
  options: { damage: Damage; random: Random },
): DiskImage {
  const { damage, random } = options;
  // A file may be reached by two names after half a rename; it is still one file.
  const files = new Map<FileNode, FileNode>();
  const survivor = (node: DiskNode): DiskNode => {
    if (node.kind === "directory") return directoryAfter(node);
    let file = files.get(node);
    if (file === undefined) {
      file = makeFile(node.number, bytesAfter(node, { damage: damage.bytes, random }));
      files.set(node, file);
    }
    return file;
  };
  const directoryAfter = (node: DirectoryNode): DirectoryNode => {
    const entries = namesAfter(node, { damage: damage.names, random });
    for (const [name, inner] of entries) entries.set(name, survivor(inner));
    return makeDirectory(entries);
  };
  return new DiskImage(directoryAfter(image.root));
}

function namesAfter(
  node: DirectoryNode,
  options: { damage: NamesDamage; random: Random },
): Map<string, DiskNode> {
  const { damage, random } = options;
  const { pending } = node;
  const names = new Map(node.durable);
  const prefixCount = damage === "prefix" ? random.below(pending.length + 1) : 0;
  for (const [index, change] of pending.entries()) {
    const isKept = damage === "kept" || (damage === "prefix" && index < prefixCount) ||
      (damage === "subset" && random.below(2) === 0);
    if (isKept) applyNames(names, change);
  }
  return names;
}

function bytesAfter(
  file: FileNode,
  options: { damage: BytesDamage; random: Random },
): Content {
  const { damage, random } = options;
  if (damage === "kept") return file.current.fork();
  if (damage === "dropped" || file.pending.length === 0) return file.durable.fork();
  const content = file.durable.fork();
  const pieces = file.pending.flatMap(piecesOf);
  const cut = damage === "torn" ? random.below(pieces.length + 1) : pieces.length;
  for (const [index, piece] of pieces.entries()) {
    if (index < cut) landPiece(content, { piece, damage, random });
    else if (index === cut) landStart(content, { piece, random });
  }
  return content;
}

/** Lets one piece reach the disk, or not, as the damage has it. */
function landPiece(
  content: Content,
  options: { piece: PendingBytes; damage: BytesDamage; random: Random },
): void {
  const { piece, random } = options;
  const fate = options.damage === "mixed"
    ? (["kept", "reordered", "zeroed", "garbage"] as const)[random.below(4)]
    : options.damage;
  const isHit = random.below(2) === 0;
  if (fate === "reordered" && isHit) return;
  if (piece.bytes === undefined || fate === "kept" || fate === "torn" || !isHit) {
    applyBytes(content, piece);
  } else if (isThere(content, piece.bytes, piece.position)) {
    return;
  } else if (fate === "zeroed") {
    content.write(new Uint8Array(piece.bytes.length), piece.position);
  } else {
    content.write(garbage(content, { sizeBytes: piece.bytes.length, random }), piece.position);
  }
}

/** Tells whether the content holds these bytes there already. */
function isThere(content: Content, bytes: Uint8Array, position: number): boolean {
  const found = content.view().subarray(position, position + bytes.length);
  return found.length === bytes.length && bytes.every((byte, index) => byte === found[index]);
}

/** Lets the first bytes of a piece reach the disk: the write that the power loss hit. */
function landStart(content: Content, options: { piece: PendingBytes; random: Random }): void {
  const { piece, random } = options;
  if (piece.bytes === undefined) return;
  content.write(piece.bytes.subarray(0, random.below(piece.bytes.length + 1)), piece.position);
}

function garbage(
  content: Content,
  options: { sizeBytes: number; random: Random },
): Uint8Array {
  const { sizeBytes, random } = options;
  const noise = random.bytes(sizeBytes);
  if (content.sizeBytes === 0 || random.below(2) === 0) return noise;
  const start = random.below(content.sizeBytes);
  const elsewhere = content.view().slice(start, start + sizeBytes);
  noise.set(elsewhere);
  return noise;
}

function piecesOf(pending: PendingBytes): PendingBytes[] {
  const { bytes, position } = pending;
  if (bytes === undefined) return [pending];
  const pieces: PendingBytes[] = [];
  for (let start = 0; start < bytes.length;) {
    const sectorEnd = (Math.floor((position + start) / sectorSizeBytes) + 1) * sectorSizeBytes;
    const end = Math.min(bytes.length, sectorEnd - position);
    pieces.push({ ...pending, position: position + start, bytes: bytes.subarray(start, end) });
    start = end;
  }
  return pieces;
}
