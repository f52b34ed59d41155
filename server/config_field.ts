/**
 * One field of a node's configuration: how it is written, and its names.
 *
 * @module
 */

/** What a field can hold once it is read: durations in milliseconds, sizes in bytes. */
export type ConfigValue = string | number | boolean;

/** How a field is written. */
export type ConfigKind = "text" | "choice" | "address" | "integer" | "duration" | "size" | "switch";

/** One field. */
export interface ConfigField {
  /** The name in a configuration file; flag and environment name follow from it. */
  readonly name: string;
  readonly kind: ConfigKind;
  /** What stands for the value in help. */
  readonly shape: string;
  /** What it does, in a few words. */
  readonly description: string;
  /** The value where nobody sets one; left out where there is none. */
  readonly default?: ConfigValue;
  /** The smallest and largest number that is taken. */
  readonly bounds?: readonly [number, number];
  /** The words that are taken. */
  readonly choices?: readonly string[];
  /** What a text must look like. */
  readonly pattern?: RegExp;
  /** Never printed. */
  readonly isSecret?: boolean;
  /** What must be built before it can be set to anything but its default. */
  readonly awaits?: string;
}

/** Returns the flag of a field: `--data-dir` for `dataDir`. */
export function flagOf(field: Pick<ConfigField, "name">): string {
  return `--${field.name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** Returns the environment name of a field: `ANKYLO_DATA_DIR` for `dataDir`. */
export function environmentNameOf(field: Pick<ConfigField, "name">): string {
  return `ANKYLO_${field.name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
