import { equal } from "node:assert/strict";
import { figure, median, medianRatio, percentile } from "./statistics.ts";

Deno.test("median() takes the middle, or between the two middles", () => {
  equal(median([9, 1, 5]), 5);
  equal(median([4, 1, 3, 2]), 2.5);
  equal(median([]), NaN);
});

Deno.test("percentile() is a value that was measured", () => {
  const sorted = Float64Array.from({ length: 100 }, (_, index) => index + 1);
  equal(percentile(sorted, 0.5), 50);
  equal(percentile(sorted, 0.99), 99);
  equal(percentile(sorted, 1), 100);
  equal(percentile(Float64Array.of(7), 0.99), 7);
});

Deno.test("medianRatio() pairs what ran side by side", () => {
  equal(medianRatio([10, 20, 30], [5, 10, 10]), 2);
});

Deno.test("figure() keeps three digits below a hundred and none behind the point above", () => {
  equal(figure(12_345.6), "12,346");
  equal(figure(0.123456), "0.123");
  equal(figure(NaN), "-");
});
