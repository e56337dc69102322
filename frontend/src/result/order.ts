/** The order of a result's values, as PostgreSQL has it for their types. */
import type { Cell, ResultColumn } from "../run/types";
import { isTemporal } from "./cells";
import { compareNumbers, isNumeric } from "./numbers";

export interface Sort {
  column: number;
  descending: boolean;
}

type Value = Exclude<Cell, null>;
const collator = new Intl.Collator();

/** The rows in the order of one column; equal ones keep theirs, NULLs come last either way. */
export function sorted(rows: Cell[][], columns: ResultColumn[], sort: Sort | null): Cell[][] {
  const column = sort === null ? undefined : columns[sort.column];
  if (sort === null || column === undefined) return rows;
  const compare = comparing(column);
  const sign = sort.descending ? -1 : 1;
  return rows.toSorted((left, right) => {
    const a = left[sort.column] ?? null;
    const b = right[sort.column] ?? null;
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return sign * compare(a, b);
  });
}

/** How two values of a column compare. */
export function comparing(column: ResultColumn): (a: Value, b: Value) => number {
  if (isNumeric(column)) return (a, b) => compareNumbers(a, b, column);
  if (isTemporal(column)) return (a, b) => compareTexts(timeKey(String(a)), timeKey(String(b)));
  if (/^interval\b/.test(column.type) && !column.type.endsWith("[]")) {
    return (a, b) => seconds(String(a)) - seconds(String(b));
  }
  return (a, b) => collator.compare(String(a), String(b));
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A date or timestamp as a text that sorts: `-infinity`, years before Christ backwards, years of any length. */
function timeKey(text: string): string {
  const [, year, rest = ""] = /^(\d+)(.*)$/.exec(text) ?? [];
  if (year === undefined) return text.startsWith("-") ? "0" : "3";
  return text.endsWith("BC") ? `1${9_999_999 - Number(year)}${rest}` : `2${year.padStart(7, "0")}${rest}`;
}

const UNITS: Record<string, number> = { year: 31_104_000, mon: 2_592_000, day: 86_400 };

/** `1 year 2 mons 3 days -04:05:06.7` in seconds; months have thirty days, as PostgreSQL compares them. */
function seconds(text: string): number {
  const dated = [...text.matchAll(/([+-]?\d+) (year|mon|day)s?/g)].reduce(
    (sum, [, amount, unit = ""]) => sum + Number(amount) * (UNITS[unit] ?? 0),
    0,
  );
  const [, sign, hours, minutes, rest] = /([+-]?)(\d+):(\d\d):(\d\d(?:\.\d+)?)/.exec(text) ?? [];
  if (hours === undefined) return dated;
  return dated + (sign === "-" ? -1 : 1) * (Number(hours) * 3_600 + Number(minutes) * 60 + Number(rest));
}
