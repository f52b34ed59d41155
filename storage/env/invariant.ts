/**
 * Assertions that stay on in production.
 *
 * An invariant that does not hold means that we are wrong, not the world: nothing above may catch
 * the error and go on. The process logs it and ends; recovery starts from what is durable.
 *
 * @module
 */

/** Thrown when the program finds itself in a state that its own design rules out. */
export class InvariantError extends Error {
  override readonly name = "InvariantError";
}

/**
 * Throws when a condition that the design guarantees does not hold.
 *
 * @param condition What must be true.
 * @param message What was found, with the values; a function where making the text costs time.
 * @throws {InvariantError} when the condition is false.
 */
export function invariant(
  condition: boolean,
  message: string | (() => string),
): asserts condition {
  if (!condition) throw new InvariantError(typeof message === "string" ? message : message());
}
