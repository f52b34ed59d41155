/**
 * How a verb fails: one line on stderr with a stable code, and the code the process exits with.
 *
 * @module
 */

/** Exit codes of every verb. */
export const exitCodes = {
  /** Done. */
  done: 0,
  /** Refused or failed. */
  failed: 1,
  /** Wrong usage: the command line or the configuration. */
  usage: 2,
  /** The server had to give up, as after a failed sync (`EX_SOFTWARE` of sysexits). */
  fatal: 70,
  /** A second signal cut a stop short. */
  interrupted: 130,
} as const;

/** A verb's failure. */
export class CliError extends Error {
  override readonly name = "CliError";
  /** A problem's code, as the server says it, or one of our own. */
  readonly code: string;
  /** What the process exits with. */
  readonly exitCode: number;

  constructor(
    code: string,
    message: string,
    options: ErrorOptions & { readonly exitCode?: number } = {},
  ) {
    super(message, options);
    this.code = code;
    this.exitCode = options.exitCode ?? exitCodes.failed;
  }
}

/** Returns the failure of a command line that cannot be meant. */
export function usageError(message: string): CliError {
  return new CliError("invalid_usage", message, { exitCode: exitCodes.usage });
}

/** Returns a text without line breaks. */
export function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim();
}
