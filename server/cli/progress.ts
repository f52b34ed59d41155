/**
 * Progress of long work, drawn on stderr where that is a terminal, and silent elsewhere.
 *
 * @module
 */
import cliProgress from "cli-progress";
import type { CliIo } from "./cli_io.ts";

/** What of cli-progress is used: the package brings no types. */
interface Bar {
  start(total: number, value: number): void;
  setTotal(total: number): void;
  update(value: number): void;
  stop(): void;
}

/** How far some work has come. */
export class Progress {
  readonly #bar: Bar | undefined;

  /**
   * Draws the bar.
   *
   * @param options `unit` is what is counted, `total` how many there will be at last.
   */
  constructor(io: CliIo, options: { readonly unit: string; readonly total: number }) {
    if (!io.isErrorTerminal) return;
    const settings = {
      format: `{bar} {percentage}% | {value}/{total} ${options.unit} | {eta_formatted} left`,
      stream: io.progressStream,
      hideCursor: true,
      gracefulExit: false,
      fps: 5,
    };
    this.#bar = new cliProgress.SingleBar(settings, cliProgress.Presets.shades_classic) as Bar;
    this.#bar.start(options.total, 0);
  }

  /** Says how far the work is, and how much there is where that has become known. */
  update(value: number, total?: number): void {
    if (total !== undefined) this.#bar?.setTotal(total);
    this.#bar?.update(Math.floor(value));
  }

  /** Ends the drawing. */
  stop(): void {
    this.#bar?.stop();
  }
}
