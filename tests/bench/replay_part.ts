/**
 * How long a node takes to apply its log again after `kill -9`, by the size of the log.
 *
 * The writer keeps everything in memory, so that nothing but the log holds the data; then another
 * process opens the folder.
 *
 * @module
 */
import type { RunSettings, Samples } from "./samples.ts";
import { runProgram } from "./trees_part.ts";

/** Writes the log once, then opens the folder several times, each time as after a crash. */
export async function runReplayPart(settings: RunSettings, samples: Samples): Promise<void> {
  const directory = `${settings.directory}/replay`;
  await runProgram("replay_ankylo.ts", [directory, "write", `${settings.treeKeyCount}`]);
  for (let repetition = 1; repetition <= settings.repetitionCount; repetition++) {
    const { gigabytes, seconds } = await runProgram("replay_ankylo.ts", [directory, "open"]);
    settings.onStep(
      `${repetition}: replayed ${gigabytes.toFixed(3)} GB in ${seconds.toFixed(2)} s`,
    );
    samples.add({
      metric: "log replay",
      system: "ankylo",
      value: seconds / gigabytes,
      unit: "s/GB",
    });
  }
}
