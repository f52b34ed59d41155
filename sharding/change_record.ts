/**
 * Change records: which keys an entry of the log changed, for watches, history and log shipping.
 *
 * Applying an entry writes one record beside its effects, under the version of the last commit in
 * it, so that seeking version v + 1 finds the record in which the commits above v begin. Values are
 * not repeated: they are the versions of the keys themselves. An entry that changes very much is cut
 * between two commits, so that a record stays near `recordSizeBytesTarget`.
 *
 * ```
 * tree key: "c" | version of the last commit, 8 bytes big-endian
 * value:    u8 format (1) | u64 version of the first commit | commits, to the end
 * commit:   varint versions since the commit before (0 for the first)
 *           varint count of changes × 2 + 1 where the writer differs from the commit before
 *           [varint length, UTF-8 writer]                         (before the first: "")
 * change:   varint length of the user key × 4 + kind: 0 delete, 1 set, 2 expire
 *           user key
 * ```
 *
 * On disk since format 1: never renumber.
 *
 * @module
 */
import { ByteReader, ByteWriter, invariant, MalformedBytesError } from "../storage/env/mod.ts";
import { changeSpace, userSpace } from "../storage/mod.ts";

const recordFormat = 1;
const recordSizeBytesTarget = 262_144;

/** What happened to a key. On disk since format 1: never renumber. */
export const ChangeKind = {
  /** It has no value any more. */
  delete: 0,
  /** It has a new value. */
  set: 1,
  /** Its time had passed. */
  expire: 2,
} as const;

/** One of {@linkcode ChangeKind}. */
export type ChangeKind = typeof ChangeKind[keyof typeof ChangeKind];

/** A key that a commit changed. */
export interface Change {
  /** The user key. */
  readonly key: string;
  readonly kind: ChangeKind;
}

/** One commit of a record. */
export interface ChangeCommit {
  readonly version: number;
  /** The name of the token that asked; empty without tokens. */
  readonly writer: string;
  /** In the order of the command's mutations, each key once. */
  readonly changes: readonly Change[];
}

/** Takes a finished record. The bytes are valid during the call only. */
export type ChangeRecordSink = (treeKey: string, version: number, record: Uint8Array) => void;

/** Returns the tree key of the record whose last commit has this version. */
export function changeTreeKey(version: number): string {
  const high = Math.floor(version / 2 ** 32);
  const low = version >>> 0;
  return changeSpace + String.fromCharCode(
    high >>> 24,
    (high >>> 16) & 0xff,
    (high >>> 8) & 0xff,
    high & 0xff,
    low >>> 24,
    (low >>> 16) & 0xff,
    (low >>> 8) & 0xff,
    low & 0xff,
  );
}

/** Gathers the changes of one entry. Reused from entry to entry: it keeps its buffer. */
export class ChangeRecordBuilder {
  readonly #out = new ByteWriter(4_096);
  readonly #sink: ChangeRecordSink;
  #lastVersion = 0;
  #lastWriter = "";
  #openCount = 0;

  constructor(sink: ChangeRecordSink) {
    this.#sink = sink;
  }

  /**
   * Begins a commit.
   *
   * @param changeCount How many changes follow, at least 1.
   */
  begin(version: number, options: { writer: string; changeCount: number }): void {
    const { writer, changeCount } = options;
    invariant(this.#openCount === 0, () => `A commit lacks ${this.#openCount} of its changes`);
    invariant(version > this.#lastVersion, () => `${version} follows ${this.#lastVersion}`);
    if (this.#out.length > recordSizeBytesTarget) this.flush();
    const out = this.#out;
    if (out.length === 0) {
      out.u8(recordFormat);
      out.u64(version);
      out.varint(0);
    } else {
      out.varint(version - this.#lastVersion);
    }
    const hasWriter = writer !== this.#lastWriter;
    out.varint(changeCount * 2 + (hasWriter ? 1 : 0));
    if (hasWriter) out.bytesPrefixed(new TextEncoder().encode(writer));
    this.#lastVersion = version;
    this.#lastWriter = writer;
    this.#openCount = changeCount;
  }

  /** Adds a change of the commit begun last. `treeKey` carries the tag of user keys. */
  add(treeKey: string, kind: ChangeKind): void {
    const out = this.#out;
    out.varint((treeKey.length - userSpace.length) * 4 + kind);
    // By hand, because a string without the tag would be an allocation.
    const start = out.reserve(treeKey.length - userSpace.length);
    const target = out.buffer;
    for (let index = userSpace.length; index < treeKey.length; index++) {
      target[start + index - userSpace.length] = treeKey.charCodeAt(index);
    }
    this.#openCount--;
  }

  /** Hands over what is gathered, if anything, and starts anew. */
  flush(): void {
    invariant(this.#openCount === 0, () => `A commit lacks ${this.#openCount} of its changes`);
    if (this.#out.length > 0) {
      this.#sink(changeTreeKey(this.#lastVersion), this.#lastVersion, this.#out.view());
    }
    this.#out.clear();
    this.#lastWriter = "";
  }
}

/**
 * Reads a record.
 *
 * @throws {MalformedBytesError} where it is none.
 */
export function decodeChangeRecord(record: Uint8Array): ChangeCommit[] {
  const reader = new ByteReader(record);
  const format = reader.u8();
  if (format !== recordFormat) {
    throw new MalformedBytesError(`A change record has format ${format}, known is 1`);
  }
  const commits: ChangeCommit[] = [];
  let version = reader.u64();
  let writer = "";
  while (reader.remaining > 0) {
    version += reader.varint();
    if (!Number.isSafeInteger(version)) throw new MalformedBytesError("A version is too large");
    const head = reader.varint();
    if (head % 2 === 1) writer = new TextDecoder().decode(reader.bytesPrefixed());
    const changes: Change[] = [];
    for (let count = Math.floor(head / 2); count > 0; count--) changes.push(decodeChange(reader));
    commits.push({ version, writer, changes });
  }
  return commits;
}

function decodeChange(reader: ByteReader): Change {
  const head = reader.varint();
  const kind = head % 4;
  if (kind !== ChangeKind.delete && kind !== ChangeKind.set && kind !== ChangeKind.expire) {
    throw new MalformedBytesError(`A change has kind ${kind}, which is not known`);
  }
  return { kind, key: reader.latin1(Math.floor(head / 4)) };
}
