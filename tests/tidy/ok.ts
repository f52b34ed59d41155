/**
 * The whole gate: `deno task ok`.
 *
 * Runs every step even where one before has failed, so that one run shows all that is wrong, and
 * closes with a line a step. The last step is the README's test command. `.ci/run` reads the lines
 * that begin with `gate:`.
 *
 * @module
 */

/** A step of the gate. */
interface Step {
  readonly name: string;
  /** Arguments of deno. */
  readonly arguments: readonly string[];
}

const rooms = ["storage", "consensus", "sharding", "server"];

const steps: readonly Step[] = [
  { name: "format", arguments: ["fmt", "--check"] },
  { name: "lint", arguments: ["lint"] },
  { name: "types", arguments: ["check", "."] },
  { name: "docs", arguments: ["check", "--doc-only", "."] },
  {
    name: "examples",
    arguments: ["test", "--doc", "-A", "--no-prompt", "--permit-no-files", "mod.ts", ...rooms],
  },
  { name: "tests", arguments: ["task", "test"] },
];

const encoder = new TextEncoder();

function print(line: string): void {
  Deno.stdout.writeSync(encoder.encode(`${line}\n`));
}

/** Runs one step, its output shown as it comes, and tells whether it succeeded. */
async function run(step: Step): Promise<boolean> {
  print(`\ngate: ${step.name}: deno ${step.arguments.join(" ")}`);
  const command = new Deno.Command(Deno.execPath(), { args: [...step.arguments], stdin: "null" });
  const { success } = await command.spawn().status;
  return success;
}

if (import.meta.main) {
  const results: { name: string; succeeded: boolean; seconds: number }[] = [];
  for (const step of steps) {
    const startMs = performance.now();
    const succeeded = await run(step);
    results.push({
      name: step.name,
      succeeded,
      seconds: Math.round((performance.now() - startMs) / 1_000),
    });
  }
  print("");
  for (const { name, succeeded, seconds } of results) {
    print(`gate: ${succeeded ? "ok" : "FAILED"} ${name} (${seconds} s)`);
  }
  Deno.exit(results.every(({ succeeded }) => succeeded) ? 0 : 1);
}
