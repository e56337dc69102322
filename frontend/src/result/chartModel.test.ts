import { describe, expect, it } from "vitest";
import type { Chart } from "../run/types";
import { type ChartModel, chartModel, fitted } from "./chartModel";

const text = { name: "plan", type: "text", oid: 25 };
const number = { name: "revenue", type: "numeric", oid: 1700 };
const month = { name: "month", type: "date", oid: 1082 };
const chart = (change: Partial<Chart>): Chart => ({
  kind: "bar",
  x: "plan",
  y: ["revenue"],
  series: null,
  reason: "",
  ...change,
});

describe("chartModel", () => {
  it("reads numerics that came as text, and keeps gaps as gaps", () => {
    const model = chartModel({
      chart: chart({}),
      columns: [text, number],
      rows: [
        ["Team", "12.5"],
        ["Free", null],
      ],
    }) as ChartModel;
    expect(model.series).toEqual([{ name: "revenue", values: [12.5, null], points: [] }]);
    expect(model.summary).toContain("Highest: Team, 12.5.");
  });

  it("splits into series and gathers what is beyond six as Other", () => {
    const rows = Array.from({ length: 9 }, (_, place) => ["2024-01-01", `p${place}`, place + 1]);
    const model = chartModel({
      chart: chart({ kind: "line", x: "month", series: "plan" }),
      columns: [month, text, number],
      rows,
    }) as ChartModel;
    expect(model.series.map((one) => one.name)).toEqual(["p8", "p7", "p6", "p5", "p4", "Other"]);
    expect(model.series.at(-1)?.values).toEqual([10]);
  });

  it("names months, and lays bars down where the place is narrow", () => {
    const rows = [
      ["2025-03-01", 1],
      ["2025-04-01", 2],
    ];
    const line = chartModel({
      chart: chart({ kind: "line", x: "month" }),
      columns: [month, number],
      rows,
    }) as ChartModel;
    expect(line.categories).toEqual(["Mar 2025", "Apr 2025"]);
    const bars = chartModel({
      chart: chart({}),
      columns: [text, number],
      rows: [
        ["Starter", 1],
        ["Enterprise", 2],
      ],
    }) as ChartModel;
    expect(fitted(bars, 768).horizontal).toBe(false);
    expect(fitted(bars, 200).horizontal).toBe(true);
  });

  it("draws forty bars and says how many it left", () => {
    const rows = Array.from({ length: 50 }, (_, place) => [`name ${place}`, place]);
    const model = chartModel({ chart: chart({}), columns: [text, number], rows }) as ChartModel;
    expect(model.categories).toHaveLength(40);
    expect(model.left).toBe(10);
    expect(model.horizontal).toBe(true);
  });

  it("says why there is nothing to draw", () => {
    expect(chartModel({ chart: chart({ kind: "none", reason: "Only text." }), columns: [text], rows: [["a"]] })).toBe(
      "Only text.",
    );
    expect(chartModel({ chart: chart({ x: "gone" }), columns: [text, number], rows: [["a", 1]] })).toMatch(/lacks/);
    expect(chartModel({ chart: chart({}), columns: [text, number], rows: [] })).toMatch(/no rows/);
  });
});
