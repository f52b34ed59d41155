/**
 * Log frames: checksummed, aligned records appended to a file. The node log and the manifests of
 * all trees are made of them.
 *
 * @module
 */
export { StorageError } from "../errors.ts";
export * from "./log_format.ts";
export * from "./log_reader.ts";
export * from "./log_writer.ts";
