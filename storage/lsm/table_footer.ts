/**
 * The end of an sstable: the properties block, which says what the file holds, and the footer, which
 * says where its parts are.
 *
 * ```
 * properties := (tag varint | size varint | bytes)*
 * footer     := filter offset u64 | filter size u32 | index offset u64 | index size u32 |
 *               properties offset u64 | properties size u32 | table number u64 |
 *               zeros 8 | format version u32 | checksum u32 | magic 8 bytes
 * ```
 *
 * Unknown tags are skipped, so that later formats can add sketches without a new version. The footer's size and its last
 * sixteen bytes are the same in every format: the checksum is right before the version is believed.
 *
 * Invariant: data blocks, filter, index, properties and footer fill the file without a gap.
 *
 * @module
 */
import * as zlib from "node:zlib";
import { ByteReader, ByteWriter, invariant, MalformedBytesError } from "../env/mod.ts";
import { StorageError } from "../errors.ts";
import type { DeathSketch } from "./death_sketch.ts";
import { decodeSketches, encodeSketches } from "./death_sketch.ts";
import type { BlockHandle } from "./physical_block.ts";
import { blockTrailerSizeBytes, checksumSeed, corruptionAt } from "./physical_block.ts";
import type { TableMeta } from "./table_meta.ts";

/** The size of a footer in every format. */
export const footerSizeBytes = 68;

/** The format that this version writes and reads. */
export const tableFormatVersion = 2;

const magic = "ANKYLOTB";
const reservedSizeBytes = 8;
// Magic 8 + checksum 4: what the checksum does not cover.
const checksumFromEnd = 12;

/** Where the parts behind the data blocks lie. */
export interface TableFooter {
  /** The bloom filter. */
  readonly filter: BlockHandle;
  /** The index. */
  readonly index: BlockHandle;
  /** The properties. */
  readonly properties: BlockHandle;
}

/** Returns the bytes of a footer that will start at `offset`. */
export function encodeFooter(
  footer: TableFooter,
  place: { tableNumber: number; offset: number },
): Uint8Array {
  const out = new ByteWriter(footerSizeBytes);
  for (const handle of [footer.filter, footer.index, footer.properties]) {
    out.u64(handle.offset);
    out.u32(handle.sizeBytes);
  }
  out.u64(place.tableNumber);
  out.bytes(new Uint8Array(reservedSizeBytes));
  out.u32(tableFormatVersion);
  out.u32(zlib.crc32(out.view(), checksumSeed(place.tableNumber, place.offset)));
  out.latin1(magic);
  invariant(out.length === footerSizeBytes, () => `A footer has its size: ${out.length}`);
  return out.copy();
}

/**
 * Reads a footer.
 *
 * @param bytes The last `footerSizeBytes` of the file, which start at `offset`.
 * @throws {StorageError} `corruption`; `unsupported_format` where only the version is wrong.
 */
export function decodeFooter(
  bytes: Uint8Array,
  place: { tableNumber: number; offset: number; path: string },
): TableFooter {
  const { tableNumber, offset, path } = place;
  invariant(bytes.length === footerSizeBytes, "A footer is read whole");
  const tail = new ByteReader(bytes, footerSizeBytes - checksumFromEnd - 4);
  const version = tail.u32();
  const wanted = tail.u32();
  const foundMagic = tail.latin1(magic.length);
  if (foundMagic !== magic) throw corruptionAt(path, offset, "the magic of an sstable is missing");
  const covered = bytes.subarray(0, footerSizeBytes - checksumFromEnd);
  const found = zlib.crc32(covered, checksumSeed(tableNumber, offset));
  if (found !== wanted) {
    const state = `the footer's checksum is ${found.toString(16)}, want ${wanted.toString(16)}`;
    throw corruptionAt(path, offset, state);
  }
  if (version !== tableFormatVersion) {
    throw new StorageError(
      "unsupported_format",
      `Cannot read ${path}: its format is ${version}, this version reads ${tableFormatVersion}`,
    );
  }
  const reader = new ByteReader(bytes);
  const [filter, index, properties] = [0, 1, 2].map(() => ({
    offset: reader.u64(),
    sizeBytes: reader.u32(),
  }));
  const isFilled = filter.offset + filter.sizeBytes === index.offset &&
    index.offset + index.sizeBytes === properties.offset &&
    properties.offset + properties.sizeBytes === offset &&
    [filter, index, properties].every(({ sizeBytes }) => sizeBytes > blockTrailerSizeBytes);
  if (!isFilled) throw corruptionAt(path, offset, "the parts do not fill the file");
  return { filter, index, properties };
}

/** What a table holds, as the table itself says. */
export interface TableProperties extends Omit<TableMeta, "number" | "sizeBytes" | "payloadBytes"> {
  /** Different keys. */
  readonly keyCount: number;
  /** Data blocks. */
  readonly blockCount: number;
  /** Bytes of all keys, before their common prefixes are taken out. */
  readonly keyBytes: number;
  /** Bytes of all values, before compression. */
  readonly valueBytes: number;
}

// On disk since format 1: never renumber.
const numberTags: readonly (readonly [number, keyof TableProperties & NumberField])[] = [
  [1, "entryCount"],
  [2, "tombstoneCount"],
  [3, "shadowedCount"],
  [4, "shadowedBytes"],
  [5, "oldestVersion"],
  [6, "newestVersion"],
  [9, "keyCount"],
  [10, "blockCount"],
  [11, "keyBytes"],
  [12, "valueBytes"],
];
const smallestKeyTag = 7;
const largestKeyTag = 8;
const deathsTag = 13;

type NumberField = Exclude<keyof TableProperties, "smallestKey" | "largestKey" | "deaths">;

/** Returns the payload of a properties block. */
export function encodeProperties(properties: TableProperties): Uint8Array {
  const out = new ByteWriter();
  for (const [tag, field] of numberTags) {
    out.varint(tag);
    out.varint(8);
    out.u64(properties[field]);
  }
  out.varint(smallestKeyTag);
  out.latin1Prefixed(properties.smallestKey);
  out.varint(largestKeyTag);
  out.latin1Prefixed(properties.largestKey);
  const deaths = new ByteWriter();
  encodeSketches(properties.deaths, deaths);
  out.varint(deathsTag);
  out.bytesPrefixed(deaths.view());
  return out.copy();
}

/** Reads the payload of a properties block. @throws {MalformedBytesError} */
export function decodeProperties(reader: ByteReader): TableProperties {
  const fields = new Map<number, Uint8Array>();
  while (reader.remaining > 0) {
    const tag = reader.varint();
    fields.set(tag, reader.bytesPrefixed());
  }
  const field = (tag: number): ByteReader => {
    const bytes = fields.get(tag);
    if (bytes === undefined) throw new MalformedBytesError(`Property ${tag} is missing`);
    return new ByteReader(bytes);
  };
  const numbers = {} as Record<NumberField, number>;
  for (const [tag, name] of numberTags) {
    const value = field(tag);
    numbers[name] = value.u64();
    value.expectEnd();
  }
  const text = (tag: number): string => {
    const value = field(tag);
    return value.latin1(value.remaining);
  };
  const sketches = field(deathsTag);
  const deaths: DeathSketch[] = decodeSketches(sketches);
  sketches.expectEnd();
  return { ...numbers, smallestKey: text(smallestKeyTag), largestKey: text(largestKeyTag), deaths };
}
