/**
 * The Logger of a real process: one JSON object a line, through LogTape.
 *
 * ```
 * {"time":"2026-11-23T08:00:00.000Z","level":"info","event":"flush_finished","sizeBytes":4096}
 * ```
 *
 * A field named like one of the first three gives way to it.
 *
 * @module
 */
import { configureSync, getLogger, type LogRecord, resetSync } from "@logtape/logtape";
import type { LogFields, Logger, LogLevel } from "../../storage/env/mod.ts";

/** How lines are written. */
export interface ConsoleLoggerOptions {
  /** What matters less is left out. */
  readonly level: LogLevel;
  /** Receives each line, with its line break. Must not throw. */
  readonly write: (line: string) => void;
}

const category = "ankylo";

/** A {@linkcode Logger} that writes JSON lines. There is one at a time: LogTape is global. */
export class ConsoleLogger implements Logger {
  readonly #logger = getLogger(category);

  constructor(options: ConsoleLoggerOptions) {
    configureSync({
      reset: true,
      sinks: { lines: (record) => options.write(lineOf(record)) },
      loggers: [
        {
          category,
          sinks: ["lines"],
          lowestLevel: options.level === "warn" ? "warning" : options.level,
        },
        // LogTape's own remarks would not be lines of ours.
        { category: ["logtape", "meta"], sinks: [] },
      ],
    });
  }

  log(level: LogLevel, event: string, fields: LogFields = {}): void {
    // An event name has no braces, which LogTape would take for a template.
    if (level === "warn") this.#logger.warning(event, fields);
    else this.#logger[level](event, fields);
  }

  /** Stops writing. */
  close(): void {
    resetSync();
  }
}

function lineOf(record: LogRecord): string {
  const head = {
    time: new Date(record.timestamp).toISOString(),
    level: record.level === "warning" ? "warn" : record.level,
    event: record.message.join(""),
  };
  // Twice: the first sets the order, the second has the last word.
  return JSON.stringify({ ...head, ...record.properties, ...head }) + "\n";
}
