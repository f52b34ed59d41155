/**
 * The limits that clients meet, as `API.md` states them. What an operator may change is in
 * `context.ts`.
 *
 * @module
 */

const mebibyte = 1_048_576;

/** The longest key, in bytes. */
export const keySizeBytesMax = 2_048;
/** The longest bound of a range: one byte more, so that a bound can lie right behind any key. */
export const boundSizeBytesMax = 2_049;
/** How many entries a page has unless the client says otherwise. */
export const pageEntryCountDefault = 100;
/** How many entries a page may have. */
export const pageEntryCountMax = 10_000;
/** How many keys one range delete may remove. */
export const rangeDeleteKeyCountMax = 10_000;
/** How many checks a transaction may have. */
export const transactionCheckCountMax = 1_000;
/** How many reads a transaction may have. */
export const transactionReadCountMax = 1_000;
/** How many mutations a transaction may have. */
export const transactionMutationCountMax = 10_000;
/** The longest body of a transaction, in bytes. */
export const transactionSizeBytesMax = 16 * mebibyte;
/** How many operations a batch may have. */
export const batchOperationCountMax = 10_000;
/** The longest body of a batch, in bytes. */
export const batchSizeBytesMax = 64 * mebibyte;
/** How many bytes of values the answer to a batch may carry. */
export const batchAnswerSizeBytesMax = 64 * mebibyte;
/** How deep the JSON of a body may nest. */
export const jsonDepthMax = 64;
/** The longest media type, in characters. */
export const contentTypeLengthMax = 255;
/** How long a cursor holds its version after its last page. */
export const cursorLeaseMs = 60_000;
/** The deadline of a request that names none. */
export const timeoutMsDefault = 5_000;
/** The longest deadline. */
export const timeoutMsMax = 600_000;
