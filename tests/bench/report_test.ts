import { equal, match } from "node:assert/strict";
import { judge, markdownReport, type RunInfo } from "./report.ts";
import { Samples } from "./samples.ts";

const info: RunInfo = {
  date: "2026-01-02T03:04:05Z",
  cpu: "a processor",
  cpuCount: 2,
  deno: "2",
  peers: {},
  settings: {},
};

function verdict(metric: string, values: Record<string, number[]>): string | undefined {
  const samples = new Samples();
  for (const [system, list] of Object.entries(values)) {
    for (const value of list) samples.add({ metric, system, value, unit: "1/s" });
  }
  return judge(samples).find(({ goal }) => goal.metric === metric)?.verdict;
}

Deno.test("judge() holds a rate against its goal and against three quarters of it", () => {
  const metric = "puts, 64 connections: rate";
  equal(verdict(metric, { ankylo: [35, 36, 1], etcd: [10, 10, 10] }), "reached");
  equal(verdict(metric, { ankylo: [27], etcd: [10] }), "required");
  equal(verdict(metric, { ankylo: [26], etcd: [10] }), "missed");
  equal(verdict(metric, { ankylo: [26] }), "not measured");
});

Deno.test("judge() holds a tail against its goal and against half as much again", () => {
  const metric = "puts, 64 connections: p99";
  equal(verdict(metric, { ankylo: [3], etcd: [10] }), "reached");
  equal(verdict(metric, { ankylo: [5], etcd: [10] }), "required");
  equal(verdict(metric, { ankylo: [6], etcd: [10] }), "missed");
});

Deno.test("judge() holds a load beside VACUUM against the same one without, run by run", () => {
  const rate = "puts beside VACUUM: rate";
  equal(verdict(rate, { ankylo: [90, 40, 170], undisturbed: [100, 200, 200] }), "reached");
  equal(verdict(rate, { ankylo: [80], undisturbed: [100] }), "required");
  equal(verdict(rate, { ankylo: [60], undisturbed: [100] }), "missed");
  const tail = "gets beside VACUUM: p99";
  equal(verdict(tail, { ankylo: [20], undisturbed: [10] }), "reached");
  equal(verdict(tail, { ankylo: [31], undisturbed: [10] }), "missed");
});

Deno.test("judge() takes a figure without a peer as it is", () => {
  equal(verdict("log replay", { ankylo: [3.9] }), "reached");
});

Deno.test("markdownReport() has a row a goal and a row a metric", () => {
  const samples = new Samples();
  samples.add({ metric: "full scan", system: "ankylo", value: 3, unit: "1/s" });
  samples.add({ metric: "full scan", system: "LevelDB", value: 1, unit: "1/s" });
  const text = markdownReport(samples, info);
  match(text, /\| full scan in process \| LevelDB \| ≥ 2.5x \| 3.00x \| reached \| - \|/);
  match(text, /\| full scan \| 1\/s \| 3.00 \| 1.00 \|/);
});
