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
/** The shortest time that a value can be given to live. */
export const ttlMsMin = 1;
/** The longest: a hundred years. */
export const ttlMsMax = 36_500 * 86_400_000;
/** How many versions of a key a page of its history has unless the client says otherwise. */
export const historyVersionCountDefault = 100;
/** How many versions of a key a page of its history may have. */
export const historyVersionCountMax = 10_000;
/** The longest body of a request that says what to do, and carries no value. */
export const orderSizeBytesMax = 65_536;
/** The longest retention that a rule may state. */
export const ruleRetentionMsMax = 3_650 * 86_400_000;
/** How many versions of a key a rule may keep. */
export const ruleVersionCountMax = 10_000;
/** The least bytes a second that VACUUM may be held to, but for 0: below it, it would never end. */
export const vacuumIoBytesMin = 65_536;
/** The most: more than any disk has. */
export const vacuumIoBytesMax = 1e12;
/** How long a cursor holds its version after its last page. */
export const cursorLeaseMs = 60_000;
/** The deadline of a request that names none. */
export const timeoutMsDefault = 5_000;
/** The longest deadline. */
export const timeoutMsMax = 600_000;
