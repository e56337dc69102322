/** What a chart draws, made from an answer's shape; no drawing here. */
import type { Cell, Chart, ResultColumn } from "../run/types";
import { isTemporal, shown } from "./cells";
import { numeric } from "./numbers";
import { comparing } from "./order";

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
  /** Categories that are not drawn. */
  left: number;
  /** Rows that have no place on the x axis. */
  unplaced: number;
  /** The chart in a sentence, for those who do not see it. */
  summary: string;
}

interface Data {
  chart: Chart;
  columns: ResultColumn[];
  rows: Cell[][];
}

/** The model, or a sentence that says why there is none. */
export function chartModel({ chart, columns, rows: all }: Data): ChartModel | string {
  if (chart.kind === "none" || chart.kind === "number") return chart.reason || "This result has no shape to draw.";
  const x = columns.findIndex((column) => column.name === chart.x);
  const ys = chart.y.map((name) => columns.findIndex((column) => column.name === name)).filter((place) => place >= 0);
  const split = chart.series === null ? -1 : columns.findIndex((column) => column.name === chart.series);
  const xColumn = columns[x];
  if (xColumn === undefined || ys.length === 0) return "The result lacks the columns that its chart needs.";
  if (all.length === 0) return "There are no rows to draw.";

  // A bar may stand for what has no name; a point in time that is not known is nowhere on a line.
  const rows = chart.kind === "bar" ? all : all.filter((row) => (row[x] ?? null) !== null);
  // Values are told apart by what they are, not by what is shown of them: two may look the same.
  const keys = [...new Set(rows.map((row) => row[x] ?? null))];
  const compare = comparing(xColumn);
  if (chart.kind === "line") keys.sort((a, b) => (a === null || b === null ? 0 : compare(a, b)));
  const drawn = chart.kind === "bar" ? keys.slice(0, MOST_BARS) : keys;
  const names = drawn.map((key) => shown(key, xColumn).text);
  const label = isTemporal(xColumn) && names.every((name) => /^\d{4}-\d\d-01$/.test(name)) ? monthName : same;
  const categories = names.map(label);
  const place = new Map(drawn.map((key, index) => [key, index]));
  const blank = () => categories.map((): number | null => null);

  const found = new Map<Cell, Series>();
  for (const row of rows) {
    const at = place.get(row[x] ?? null);
    if (at === undefined) continue;
    for (const y of ys) {
      const column = columns[y];
      if (column === undefined) continue;
      const splitColumn = columns[split];
      const key = splitColumn === undefined ? column.name : (row[split] ?? null);
      const name = splitColumn === undefined ? column.name : shown(key, splitColumn).text;
      const series = found.get(key) ?? { name, values: blank(), points: [] };
      found.set(key, series);
      const value = numeric(row[y], column);
      const across = chart.kind === "scatter" ? numeric(row[x], xColumn) : null;
      if (value !== null && across !== null) series.points.push([across, value]);
      if (value !== null) series.values[at] = (series.values[at] ?? 0) + value;
    }
  }
  const known = [...found.values()];
  if (known.every((one) => one.values.every((value) => value === null))) return "There are no numbers to draw.";
  const series = withOther(known, categories.length);
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
    categories,
    series,
    left: keys.length - categories.length,
    unplaced: all.length - rows.length,
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
