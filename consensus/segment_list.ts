/**
 * The segments of the node log, oldest first: which one is written, the spare made ahead of time,
 * and the removal of the oldest.
 *
 * ```
 * [oldest … full] [current, half full] [spare, all zeros]
 * ```
 *
 * The spare is begun once the current segment is half full, so that no append waits for it. Retired
 * segments are removed, not used again: zeros behind the end stay the sign of a clean end, and
 * making a segment costs the hot path nothing.
 *
 * Invariants:
 *
 *  1. Numbers rise by one without gaps: one removal is durable before the next begins.
 *  2. All of a segment that a frame was acknowledged in was durable before a frame is written to the
 *     next one.
 *
 * @module
 */
import type { Disk } from "../storage/env/mod.ts";
import { invariant } from "../storage/env/mod.ts";
import { FrameWriter } from "../storage/log/mod.ts";
import type { Segment } from "./segment.ts";
import { createSegment, segmentHeaderSizeBytes, segmentName, syncOrFail } from "./segment.ts";

/** The open segments of a log. */
export class SegmentList {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #segmentSizeBytes: number;
  readonly #segments: Segment[];
  #currentAt: number;
  #writer: FrameWriter;
  #preparing: Promise<void> | undefined;
  #isClosing = false;

  /**
   * @param options.segments Oldest first, at least one; owned by the list from here on.
   * @param options.current The number of the one to be written next. @param options.end Where.
   */
  constructor(
    config: { disk: Disk; directory: string; segmentSizeBytes: number },
    options: { segments: Segment[]; current: number; end: number },
  ) {
    this.#disk = config.disk;
    this.#directory = config.directory;
    this.#segmentSizeBytes = config.segmentSizeBytes;
    this.#segments = options.segments;
    this.#currentAt = options.segments.findIndex(({ number }) => number === options.current);
    invariant(this.#currentAt >= 0, `Segment ${options.current} is there to be written`);
    this.#writer = new FrameWriter(this.current.file, {
      fileNumber: options.current,
      position: options.end,
    });
  }

  /** The segment that is written. */
  get current(): Segment {
    return this.#segments[this.#currentAt];
  }

  /** Where its next frame goes. */
  get writer(): FrameWriter {
    return this.#writer;
  }

  /** The segment that would be removed first. */
  get oldest(): Segment {
    return this.#segments[0];
  }

  /** How many there are, the spare included. */
  get count(): number {
    return this.#segments.length;
  }

  /** What all of them take on the disk. */
  get sizeBytes(): number {
    return this.#segments.reduce((sum, segment) => sum + segment.sizeBytes, 0);
  }

  /** Returns an open segment. */
  get(number: number): Segment {
    const segment = this.#segments[number - this.oldest.number];
    invariant(segment?.number === number, () => `Segment ${number} is open`);
    return segment;
  }

  /** Whether the current segment is the last, of the size made now, and nothing is in it. */
  get isFresh(): boolean {
    return this.#currentAt === this.#segments.length - 1 &&
      this.current.sizeBytes === this.#segmentSizeBytes &&
      this.#writer.position === segmentHeaderSizeBytes;
  }

  /** Tells whether the current segment has room for a frame. */
  hasRoom(sizeBytes: number): boolean {
    return this.#writer.position + sizeBytes <= this.current.sizeBytes;
  }

  /**
   * Goes on to the next segment, made now where it was not made ahead.
   *
   * @throws {DiskError} where it cannot be made; the next call tries again.
   * @throws {StorageError} `sync_failed`.
   */
  async advance(): Promise<void> {
    if (this.#currentAt === this.#segments.length - 1) await this.prepare();
    this.#currentAt++;
    const { file, number } = this.current;
    this.#writer = new FrameWriter(file, { fileNumber: number, position: segmentHeaderSizeBytes });
  }

  /** Tells whether it is time to make the spare. */
  wantsSpare(): boolean {
    return this.#preparing === undefined && this.#currentAt === this.#segments.length - 1 &&
      this.#writer.position * 2 > this.current.sizeBytes;
  }

  /** Makes the spare; shared by those that ask meanwhile. Fails as `advance` does. */
  prepare(): Promise<void> {
    this.#preparing ??= this.#makeSpare();
    return this.#preparing;
  }

  /** Removes the oldest segment, durably. @throws {StorageError} `sync_failed`. */
  async removeOldest(): Promise<void> {
    invariant(this.#currentAt > 0, `The segment that is written stays: ${this.current.number}`);
    const oldest = this.oldest;
    this.#disk.remove(`${this.#directory}/${segmentName(oldest.number)}`);
    this.#segments.shift();
    this.#currentAt--;
    oldest.file.close();
    await syncOrFail(this.#directory, () => this.#disk.syncDirectory(this.#directory));
  }

  /** Waits for a spare in the making, which is given up, and closes the files. */
  async close(): Promise<void> {
    this.#isClosing = true;
    // Whoever asked for the spare hears of its failure.
    await this.#preparing?.catch(() => {});
    for (const segment of this.#segments) segment.file.close();
    this.#segments.length = 0;
  }

  async #makeSpare(): Promise<void> {
    try {
      const last = this.#segments[this.#segments.length - 1];
      const spare = await createSegment(this.#disk, {
        directory: this.#directory,
        number: last.number + 1,
        sizeBytes: this.#segmentSizeBytes,
        isCancelled: () => this.#isClosing,
      });
      this.#segments.push(spare);
    } finally {
      this.#preparing = undefined;
    }
  }
}
