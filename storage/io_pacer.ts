/**
 * How long a merge must wait between two steps to keep to its budget of bytes a second: pure, the
 * caller measures and waits.
 *
 * A merge that was slower than its budget saves nothing up: after a pause of the machine it does not
 * rush. Once lifted, a pacer never holds its merge up again.
 *
 * @module
 */

/** The longest wait at once: timers of the host overflow at 25 days. */
const delayMsMax = 3_600_000;

/** The budget of one merge. */
export class IoPacer {
  readonly #bytesPerSecond: number;
  #isLifted = false;
  /** Until when the bytes so far are paid for. */
  #paidUntilMs = 0;
  /** How long it has asked to wait, in milliseconds. */
  throttledMs = 0;

  /** @param bytesPerSecond Read and written together; 0 for no limit. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#isLifted = bytesPerSecond === 0;
  }

  /** Whether nothing is held up any more. */
  get isLifted(): boolean {
    return this.#isLifted;
  }

  /** Takes the limit away. */
  lift(): void {
    this.#isLifted = true;
  }

  /** Returns how long to wait after a step, in milliseconds. @param ioBytes What the step moved. */
  delayMs(ioBytes: number, nowMs: number): number {
    if (this.#isLifted) return 0;
    this.#paidUntilMs = Math.max(this.#paidUntilMs, nowMs) + ioBytes / this.#bytesPerSecond * 1_000;
    const owedMs = this.#paidUntilMs - nowMs;
    // Timers are no finer: what is less is owed on, and waited for with what the next steps add.
    return owedMs < 1 ? 0 : Math.min(delayMsMax, owedMs);
  }
}
