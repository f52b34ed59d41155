/**
 * The tables that a run leaves behind: what was reached against its goal, and every figure.
 *
 * @module
 */
import { type Goal, goals } from "./goals.ts";
import type { Samples } from "./samples.ts";
import { figure, median, medianRatio } from "./statistics.ts";

/** Where and when a run took place. */
export interface RunInfo {
  readonly date: string;
  readonly cpu: string;
  readonly cpuCount: number;
  readonly deno: string;
  readonly peers: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, number>>;
}

/** What became of a goal. */
export interface GoalRow {
  readonly goal: Goal;
  /** Ours by theirs, or the figure itself; NaN where one of the two was not measured. */
  readonly reached: number;
  readonly verdict: "reached" | "required" | "missed" | "not measured";
  /** The same ratio by the seconds of CPU that the servers used; NaN where it means nothing. */
  readonly reachedPerCpuSecond: number;
}

const ours = "ankylo";

/** Judges every goal. */
export function judge(samples: Samples): GoalRow[] {
  return goals.map((goal) => {
    const values = samples.values(goal.metric, ours);
    const reached = goal.against === undefined
      ? median(values)
      : medianRatio(values, samples.values(goal.metric, goal.against));
    const perCpuSecond = goal.metric.replace(/: rate$/, ": per CPU-second of the server");
    const reachedPerCpuSecond = perCpuSecond === goal.metric || goal.against === undefined
      ? NaN
      : medianRatio(
        samples.values(perCpuSecond, ours),
        samples.values(perCpuSecond, goal.against),
      );
    return { goal, reached, verdict: verdictOf(goal, reached), reachedPerCpuSecond };
  });
}

function verdictOf(goal: Goal, reached: number): GoalRow["verdict"] {
  if (Number.isNaN(reached)) return "not measured";
  const holds = (bound: number) => goal.isMore ? reached >= bound : reached <= bound;
  if (holds(goal.goal)) return "reached";
  return holds(goal.required) ? "required" : "missed";
}

/** Returns the report as Markdown. */
export function markdownReport(samples: Samples, info: RunInfo): string {
  return [
    `# Benchmark of ${info.date.slice(0, 10)}`,
    "",
    `${info.cpuCount} cores of ${info.cpu}, Deno ${info.deno}; ` +
    Object.entries(info.peers).map(([name, version]) => `${name} ${version}`).join(", ") + ".",
    `Settings: ${
      Object.entries(info.settings).map(([name, value]) => `${name} ${value}`).join(", ")
    }.`,
    "Medians; a ratio is the median of the ratios of runs side by side. Absolute figures mean little",
    "on a shared machine.",
    "",
    "## Goals",
    "",
    "A goal is reached, or within what is required of a release (three quarters of a rate, one and a",
    "half times a tail), or missed. Where the servers share the machine's cores with their load, the",
    "ratio by CPU-second of the server is the steadier one.",
    "",
    ...goalTable(samples),
    "",
    "## Figures",
    "",
    ...figureTable(samples),
    "",
  ].join("\n");
}

function goalTable(samples: Samples): string[] {
  const rows = judge(samples).map(({ goal, reached, verdict, reachedPerCpuSecond }) => {
    const sign = goal.isMore ? "≥" : "≤";
    const times = goal.against === undefined ? "" : "x";
    return `| ${goal.name} | ${goal.against ?? ""} | ${sign} ${goal.goal}${times} ` +
      `| ${withUnit(reached, times)} | ${verdict} | ${withUnit(reachedPerCpuSecond, "x")} |`;
  });
  return [
    "| metric | against | goal | reached | | by CPU-second |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ];
}

function withUnit(value: number, unit: string): string {
  return Number.isNaN(value) ? "-" : `${figure(value)}${unit}`;
}

function figureTable(samples: Samples): string[] {
  const systems = [...new Set(samples.all.map(({ system }) => system))];
  const head = `| metric | unit | ${systems.join(" | ")} |`;
  const line = `| --- | --- |${" ---: |".repeat(systems.length)}`;
  const rows = samples.metrics().map((metric) => {
    const cells = systems.map((system) => figure(median(samples.values(metric, system))));
    return `| ${metric} | ${samples.unit(metric)} | ${cells.join(" | ")} |`;
  });
  return [head, line, ...rows];
}
