/**
 * The floor: the machine as the database sees it. Every room may use this door.
 *
 * @module
 */
export * from "./bytes.ts";
export * from "./clock.ts";
export * from "./clock_system.ts";
export * from "./disk.ts";
export * from "./disk_deno.ts";
export * from "./disk_memory.ts";
export * from "./disk_metered.ts";
export * from "./duration_histogram.ts";
export * from "./invariant.ts";
export * from "./logger.ts";
export * from "./random.ts";
export * from "./random_seeded.ts";
