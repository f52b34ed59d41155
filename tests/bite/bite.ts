/**
 * Planted bugs: each is a change of one line, made in a copy of the tree, and demands that the tests
 * named beside it fail.
 *
 * A change that does not fit the tree any more counts as a failure: the table in `planted_bugs.ts`
 * has to follow the code.
 *
 * @module
 */
import * as fs from "node:fs";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** One bug, and who should see it. */
export interface PlantedBug {
  /** What is wrong, in words. */
  readonly name: string;
  readonly file: string;
  /** Text that stands in the file exactly once. */
  readonly find: string;
  readonly replace: string;
  /** The test files that are run. */
  readonly tests: readonly string[];
  /** Which tests of them; all where it is left out. */
  readonly filter?: string;
}

/** What became of one bug. */
export interface BiteResult {
  readonly bug: PlantedBug;
  readonly outcome: "caught" | "missed" | "does_not_fit" | "broken";
  /** The first test that failed. */
  readonly caughtBy: string;
  readonly seconds: number;
}

/** What of the tree the tests need. */
const copied = ["consensus", "deno.json", "deno.lock", "server", "sharding", "storage", "tests"];

/** How long one bug's tests may take. */
const runMsMax = 120_000;

/** Plants bugs one after another, in one copy of the tree. */
export async function plantEach(
  bugs: readonly PlantedBug[],
  onResult: (result: BiteResult) => void = () => {},
): Promise<BiteResult[]> {
  const root = fs.mkdtempSync(join(tmpdir(), "ankylo-bite-"));
  try {
    for (const name of copied) fs.cpSync(name, join(root, name), { recursive: true });
    const results: BiteResult[] = [];
    for (const bug of bugs) {
      const result = await plant(root, bug);
      results.push(result);
      onResult(result);
    }
    return results;
  } finally {
    fs.rmSync(root, { recursive: true, force: true });
  }
}

async function plant(root: string, bug: PlantedBug): Promise<BiteResult> {
  const path = join(root, bug.file);
  const sound = fs.existsSync(path) ? fs.readFileSync(path, "utf8") : "";
  if (sound.split(bug.find).length !== 2 || bug.find === bug.replace) {
    return { bug, outcome: "does_not_fit", caughtBy: "", seconds: 0 };
  }
  fs.writeFileSync(path, sound.replace(bug.find, () => bug.replace));
  const startMs = performance.now();
  try {
    const { exitCode, output } = await runTests(root, bug);
    const seconds = (performance.now() - startMs) / 1_000;
    const failed = /^(.*?) \.\.\. (?:\S+\[31m)?FAILED/m.exec(output)?.[1];
    // A bug that keeps the tests from being loaded proves nothing about them.
    const outcome = exitCode === 0
      ? "missed"
      : failed !== undefined || output.includes("FAILED")
      ? "caught"
      : "broken";
    return { bug, outcome, caughtBy: failed ?? output.slice(-300), seconds };
  } finally {
    fs.writeFileSync(path, sound);
  }
}

function runTests(
  root: string,
  bug: PlantedBug,
): Promise<{ exitCode: number | null; output: string }> {
  const filter = bug.filter === undefined ? [] : ["--filter", bug.filter];
  const flags = ["test", "-A", "--no-check", "--fail-fast"];
  return new Promise((resolve, reject) => {
    const child = spawn(Deno.execPath(), [...flags, ...filter, ...bug.tests], {
      cwd: root,
      env: { ...process.env, NO_COLOR: "1" },
    });
    let output = "";
    child.stdout.on("data", (chunk) => output += String(chunk));
    child.stderr.on("data", (chunk) => output += String(chunk));
    const timer = setTimeout(() => child.kill("SIGKILL"), runMsMax);
    child.on("error", reject);
    child.on("close", (exitCode) => {
      clearTimeout(timer);
      resolve({ exitCode, output });
    });
  });
}

/** Returns one line of the table. */
export function resultRow({ bug, outcome, caughtBy, seconds }: BiteResult): string {
  const test = outcome === "caught" ? caughtBy : outcome.toUpperCase();
  return `${seconds.toFixed(1).padStart(6)} s  ${bug.name.padEnd(52)} ${test}`;
}
