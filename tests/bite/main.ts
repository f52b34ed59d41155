/**
 * `deno task bite [name]`: plants every bug, or those whose name contains the word, and prints the
 * table of which test caught it and how long that took.
 *
 * @module
 */
import process from "node:process";
import { plantEach, resultRow } from "./bite.ts";
import { plantedBugs } from "./planted_bugs.ts";

const word = process.argv[2] ?? "";
const bugs = plantedBugs.filter(({ name }) => name.includes(word));
const results = await plantEach(bugs, (result) => process.stdout.write(`${resultRow(result)}\n`));
const caughtCount = results.filter(({ outcome }) => outcome === "caught").length;
process.stdout.write(`${caughtCount} of ${results.length} planted bugs were caught\n`);
if (caughtCount < results.length) process.exitCode = 1;
