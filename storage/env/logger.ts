/**
 * The Logger seam: one line per event, with named fields instead of text to be parsed.
 *
 * @module
 */

/** How much an event matters. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/** Named values of a log line. Units are the last word of a name, as everywhere. */
export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Receives the events worth a line. Must not throw. */
export interface Logger {
  /** Writes one line. `event` is a stable snake_case name, such as `flush_finished`. */
  log(level: LogLevel, event: string, fields?: LogFields): void;
}

/** A {@linkcode Logger} that keeps silent. */
export const silentLogger: Logger = { log() {} };
