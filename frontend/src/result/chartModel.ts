/** What a chart draws, made from an answer's shape; no drawing here. */
import type { Cell, Chart, ResultColumn } from "../run/types";
import { asNumber, isTemporal, shown } from "./cells";

export const MOST_BARS = 40;
const MOST_SERIES = 6;

export interface Series {
  name: string;
  /** A value for each category; what shares a category is summed. */
  values: (number | null)[];
  /** Pairs of x and y, for scatter charts only. */
  points: [number, number][];
}

export interface ChartModel {
  kind: "bar" | "line" | "scatter";
  /** Bars lie on their side when their names need the room. */
  horizontal: boolean;
  /** The x axis is time: it always runs from left to right. */
  temporal: boolean;
  xName: string;
  yName: string;
  categories: string[];
  series: Series[];
  /** Rows that are not drawn. */
  left: number;
  /** The chart in a sentence, for those who do not see it. */
  summary: string;
}

interface Data {
  chart: Chart;
  columns: ResultColumn[];
  rows: Cell[][];
}

/** The model, or a sentence that says why there is none. */
export function chartModel({ chart, columns, rows }: Data): ChartModel | string {
  if (chart.kind === "none" || chart.kind === "number") return chart.reason || "This result has no shape to draw.";
  const x = columns.findIndex((column) => column.name === chart.x);
  const ys = chart.y.map((name) => columns.findIndex((column) => column.name === name)).filter((place) => place >= 0);
  const split = chart.series === null ? -1 : columns.findIndex((column) => column.name === chart.series);
  const xColumn = columns[x];
  if (xColumn === undefined || ys.length === 0) return "The result lacks the columns that its chart needs.";
  if (rows.length === 0) return "There are no rows to draw.";

  const names = rows.map((row) => shown(row[x] ?? null, xColumn).text);
  const all = [...new Set(names)];
  const label = isTemporal(xColumn) && all.every((name) => /^\d{4}-\d\d-01$/.test(name)) ? monthName : same;
  const categories = chart.kind === "bar" ? all.slice(0, MOST_BARS) : all;
  const place = new Map(categories.map((name, index) => [name, index]));
  const blank = () => categories.map((): number | null => null);

  const found = new Map<string, Series>();
  rows.forEach((row, index) => {
    const at = place.get(names[index] ?? "");
    if (at === undefined) return;
    for (const y of ys) {
      const column = columns[y];
      const splitColumn = columns[split];
      const name = splitColumn === undefined ? (column?.name ?? "") : shown(row[split] ?? null, splitColumn).text;
      const series = found.get(name) ?? { name, values: blank(), points: [] };
      found.set(name, series);
      const value = asNumber(row[y]);
      const across = chart.kind === "scatter" ? asNumber(row[x]) : null;
      if (value !== null && across !== null) series.points.push([across, value]);
      if (value !== null) series.values[at] = (series.values[at] ?? 0) + value;
    }
  });
  const series = withOther([...found.values()], categories.length);
  const horizontal =
    chart.kind === "bar" &&
    !isTemporal(xColumn) &&
    (categories.length > 8 || categories.some((name) => name.length > 10));
  const yName = ys.length === 1 ? (columns[ys[0] ?? 0]?.name ?? "") : "";
  const model = {
    kind: chart.kind,
    horizontal,
    temporal: isTemporal(xColumn),
    xName: xColumn.name,
    yName,
    categories: categories.map(label),
    series,
    left: all.length - categories.length,
  };
  return { ...model, summary: summary(model) };
}

const same = (name: string) => name;

/** `Mar 2025` for `2025-03-01`: first days of months stand for the months. */
function monthName(day: string): string {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });
}

/** The same chart for a place that is so wide: bars lie down where their names would not fit side by side. */
export function fitted(model: ChartModel, width: number): ChartModel {
  const longest = model.categories.reduce((most, name) => Math.max(most, name.length), 0);
  const crowded = longest * 7 + 12 > (width - 64) / model.categories.length;
  return model.kind === "bar" && !model.temporal && crowded ? { ...model, horizontal: true } : model;
}

/** The six greatest series, and the rest as one: more colours could not be told apart. */
function withOther(series: Series[], length: number): Series[] {
  if (series.length <= MOST_SERIES) return series;
  const weight = (one: Series) => one.values.reduce<number>((sum, value) => sum + Math.abs(value ?? 0), 0);
  const ranked = series.toSorted((a, b) => weight(b) - weight(a));
  const rest = ranked.slice(MOST_SERIES - 1);
  const values = Array.from({ length }, (_, at) => {
    const known = rest.map((one) => one.values[at] ?? null).filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
  });
  return [...ranked.slice(0, MOST_SERIES - 1), { name: "Other", values, points: rest.flatMap((one) => one.points) }];
}

function summary(model: Omit<ChartModel, "summary">): string {
  const what = { bar: "Bar chart", line: "Line chart", scatter: "Scatter chart" }[model.kind];
  const first = model.series[0];
  const many = model.series.length > 1 ? `, ${model.series.length} series` : "";
  const known = (first?.values ?? []).flatMap((value, at) => (value === null ? [] : [{ value, at }]));
  const top = known.reduce<{ value: number; at: number } | null>(
    (best, one) => (best === null || one.value > best.value ? one : best),
    null,
  );
  const peak = top === null ? "" : ` Highest: ${model.categories[top.at] ?? ""}, ${top.value.toLocaleString("en")}.`;
  const name = model.yName || model.series.map((one) => one.name).join(", ");
  return `${what} of ${name} by ${model.xName}, ${model.categories.length} values${many}.${peak}`;
}
