import { describe, expect, it } from "vitest";
import type { Cell, Chart } from "../run/types";
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

  const line = (rows: Cell[][], series: string | null = null, columns = [month, number, text]) =>
    chartModel({ chart: chart({ kind: "line", x: "month", series }), columns, rows }) as ChartModel;

  it("draws time from left to right, whatever the order of the rows", () => {
    const model = line([
      ["2025-03-05", 3, ""],
      ["2025-02-05", 2, ""],
      ["2025-01-05", 1, ""],
    ]);
    expect(model.categories).toEqual(["2025-01-05", "2025-02-05", "2025-03-05"]);
    expect(model.series[0]?.values).toEqual([1, 2, 3]);
  });

  it("puts what one series lacks where it belongs, and leaves out what has no place in time", () => {
    const model = line(
      [
        ["2025-01-05", 1, "a"],
        ["2025-03-05", 3, "a"],
        ["2025-02-05", 2, "b"],
        [null, 9, "b"],
      ],
      "plan",
    );
    expect(model.categories).toEqual(["2025-01-05", "2025-02-05", "2025-03-05"]);
    expect(model.series.map((one) => one.values)).toEqual([
      [1, null, 3],
      [null, 2, null],
    ]);
    expect(model.unplaced).toBe(1);
  });

  it("tells values apart that look the same", () => {
    const model = chartModel({
      chart: chart({ x: "rate" }),
      columns: [{ name: "rate", type: "numeric", oid: 1700 }, number],
      rows: [
        ["1.00001", 1],
        ["1.00002", 2],
      ],
    }) as ChartModel;
    expect(model.series[0]?.values).toEqual([1, 2]);
  });

  it("draws money, and says when there is no number at all", () => {
    const money = { name: "revenue", type: "money", oid: 790 };
    const model = chartModel({ chart: chart({}), columns: [text, money], rows: [["Team", "$1,234.50"]] });
    expect((model as ChartModel).series[0]?.values).toEqual([1234.5]);
    expect(chartModel({ chart: chart({}), columns: [text, number], rows: [["Team", null]] })).toMatch(/no numbers/);
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
