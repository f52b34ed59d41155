/**
 * What a process has used, as Linux counts it.
 *
 * @module
 */

/** Ticks a second, on every Linux that Deno runs on. */
const ticksPerSecond = 100;

/** Returns the seconds of CPU that all threads of a process have used. */
export function cpuSeconds(pid: number): number {
  return parseCpuSeconds(Deno.readTextFileSync(`/proc/${pid}/stat`));
}

/** Reads user and system time from the text of `/proc/<pid>/stat`. */
export function parseCpuSeconds(stat: string): number {
  // The name in parentheses may hold spaces: count from behind it. utime is field 14 of all.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Returns the memory that a process has resident, in MiB. */
export function residentMebibytes(pid: number): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? NaN) / 1_024;
}
