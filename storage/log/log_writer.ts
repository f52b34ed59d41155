/**
 * Writes frames to one file, one behind the other.
 *
 * It knows nothing of syncs: when to make what was written durable, and which mark is true, is the
 * caller's to know. A caller with a small body hands it to `append`; the node log builds its frames
 * in place, has them sealed, and writes them in the way that suits their size.
 *
 * Invariants:
 *
 *  1. `position` is where the next frame starts. A write that throws does not move it: what was
 *     left there is overwritten by the next frame, or erased.
 *  2. One write at a time.
 *
 * @module
 */
import type { DiskFile } from "../env/mod.ts";
import { ByteWriter, invariant } from "../env/mod.ts";
import type { LogMark } from "./log_format.ts";
import { alignFrame, frameHeaderSizeBytes, sealFrame } from "./log_format.ts";

const headerErased = new Uint8Array(frameHeaderSizeBytes);

/** Appends frames to a file. */
export class FrameWriter {
  readonly #file: DiskFile;
  readonly #fileNumber: number;
  readonly #frame = new ByteWriter();
  #position: number;
  #isWriting = false;

  /** @param file Stays the caller's: it is synced and closed there. */
  constructor(file: DiskFile, options: { fileNumber: number; position: number }) {
    invariant(
      alignFrame(options.position) === options.position,
      `Frames start at multiples of 16: ${options.position}`,
    );
    this.#file = file;
    this.#fileNumber = options.fileNumber;
    this.#position = options.position;
  }

  /** Where the next frame starts. */
  get position(): number {
    return this.#position;
  }

  /**
   * Writes a frame and returns where it ends. It is not durable yet.
   *
   * @param body Copied.
   * @throws {DiskError} Then the position has not moved.
   */
  append(body: Uint8Array, mark: LogMark): number {
    startFrame(this.#frame);
    this.#frame.bytes(body);
    this.write(this.seal(this.#frame, mark));
    return this.#position;
  }

  /**
   * Completes a frame for the current position and returns a view of all its bytes.
   *
   * @param frame Begun by {@linkcode startFrame}, then the body.
   */
  seal(frame: ByteWriter, mark: LogMark): Uint8Array {
    const place = { fileNumber: this.#fileNumber, position: this.#position };
    sealFrame(frame.view(), place, mark);
    const bodyEnd = frame.length;
    const end = alignFrame(bodyEnd);
    frame.reserve(end - bodyEnd);
    // A buffer used before holds old bytes there.
    frame.buffer.fill(0, bodyEnd, end);
    return frame.view();
  }

  /** Writes what {@linkcode seal} returned. @throws {DiskError} Then the position has not moved. */
  write(sealed: Uint8Array): void {
    invariant(!this.#isWriting, () => `One write at a time: ${this.#file.path}`);
    this.#file.writeSync(sealed, this.#position);
    this.#position += sealed.length;
  }

  /** As `write`, off the calling thread. `sealed` must not change until it resolves. */
  async writeLater(sealed: Uint8Array): Promise<void> {
    invariant(!this.#isWriting, () => `One write at a time: ${this.#file.path}`);
    this.#isWriting = true;
    try {
      await this.#file.write(sealed, this.#position);
    } finally {
      this.#isWriting = false;
    }
    this.#position += sealed.length;
  }

  /**
   * Puts zeros where the header of a frame stands whose write failed, so that it cannot come back
   * once that is synced.
   */
  erase(): void {
    invariant(!this.#isWriting, () => `One write at a time: ${this.#file.path}`);
    this.#file.writeSync(headerErased, this.#position);
  }
}

/** Empties a buffer and leaves room for a frame's header: what is written next is the body. */
export function startFrame(frame: ByteWriter): void {
  frame.clear();
  frame.reserve(frameHeaderSizeBytes);
}
