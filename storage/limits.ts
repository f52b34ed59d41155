/**
 * The hard limits that a client can meet. What an operator may change is in `options.ts`.
 *
 * @module
 */

/** The longest user key, in bytes. */
export const keySizeBytesMax = 2_048;

/** The longest value unless the operator allows more, in bytes. */
export const valueSizeBytesDefault = 1_048_576;

/** The longest value that an operator can allow, in bytes. */
export const valueSizeBytesCeiling = 16_777_216;
