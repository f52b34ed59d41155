/**
 * The version of the program, as `--version` and `/v1/status` say it.
 *
 * @module
 */
import project from "../deno.json" with { type: "json" };

/** The version of this program (semver). */
export const productVersion: string = project.version;
