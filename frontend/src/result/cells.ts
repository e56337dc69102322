/** How a value of a result is shown, sorted and copied. What is copied is the value itself, never its looks. */
import type { Cell, ResultColumn } from "../run/types";

const NUMERIC = /^(smallint|integer|bigint|numeric|decimal|real|double precision|money|oid)\b/;
/** Numbers that are names: a thousands separator would make them another thing. */
const NAMELIKE = /(^|_)(id|ids|year|code|zip|postcode|phone|number|no|oid|key)$/i;
const DISPLAYED_DECIMALS = 4;

/** True for types whose values line up at the right. Arrays are text. */
export function isNumeric(column: ResultColumn): boolean {
  return NUMERIC.test(column.type) && !column.type.endsWith("[]");
}

export function isTemporal(column: ResultColumn): boolean {
  return /^(date|timestamp)/.test(column.type) && !column.type.endsWith("[]");
}

/** A value as a cell shows it; `exact` when that is not all of it. Null and the empty text have marks of their own. */
export function shown(cell: Cell, column: ResultColumn): { text: string; exact: string | null } {
  if (cell === null) return { text: "NULL", exact: null };
  const raw = String(cell);
  if (isTemporal(column) && /^\d{4,}-\d\d-\d\d[ T]00:00:00([+-]00(:00)?|Z)?$/.test(raw)) {
    return { text: raw.slice(0, raw.search(/[ T]/)), exact: raw };
  }
  if (!isNumeric(column)) return { text: raw, exact: null };
  const text = numberText(raw, column);
  return { text, exact: text === raw ? null : raw };
}

function numberText(raw: string, column: ResultColumn): string {
  if (!/^-?\d+(\.\d+)?$/.test(raw)) return raw; // NaN, Infinity, 1e+300, money: as PostgreSQL writes them.
  const value = Number(raw);
  if (!Number.isFinite(value) || Math.abs(value) >= Number.MAX_SAFE_INTEGER) return raw;
  const scale = /^numeric\(\d+,(\d+)\)$/.exec(column.type)?.[1];
  const decimals = raw.split(".")[1]?.length ?? 0;
  const tiny = value !== 0 && Math.abs(value) < 10 ** -DISPLAYED_DECIMALS;
  if (tiny) return raw;
  const digits = scale === undefined ? Math.min(decimals, DISPLAYED_DECIMALS) : Number(scale);
  const grouped = Math.abs(value) >= 10_000 && !NAMELIKE.test(column.name);
  return value.toLocaleString("en", {
    useGrouping: grouped,
    minimumFractionDigits: scale === undefined ? 0 : Math.min(digits, 20),
    maximumFractionDigits: Math.min(digits, 20),
  });
}

/** A cell's value as a number, or null when it is none. */
export function asNumber(cell: Cell | undefined): number | null {
  if (typeof cell === "number") return cell;
  if (typeof cell !== "string" || cell.trim() === "") return null;
  const value = Number(cell);
  return Number.isFinite(value) ? value : null;
}

export interface Sort {
  column: number;
  descending: boolean;
}

/** The rows in the order of one column; equal ones keep theirs, NULLs come last either way. */
export function sorted(rows: Cell[][], columns: ResultColumn[], sort: Sort | null): Cell[][] {
  const column = sort === null ? undefined : columns[sort.column];
  if (sort === null || column === undefined) return rows;
  const numeric = isNumeric(column);
  const sign = sort.descending ? -1 : 1;
  return rows.toSorted((left, right) => {
    const a = left[sort.column] ?? null;
    const b = right[sort.column] ?? null;
    if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
    return sign * (numeric ? compareNumbers(a, b) : String(a).localeCompare(String(b)));
  });
}

/** As PostgreSQL orders them: NaN is above everything, infinities are at the ends. */
function compareNumbers(a: Cell, b: Cell): number {
  const [left, right] = [Number(a), Number(b)];
  if (Number.isNaN(left) || Number.isNaN(right)) return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
  return left - right || 0;
}

/** Tab-separated, as spreadsheets paste it; NULL is an empty cell. */
export function toTsv(columns: ResultColumn[], rows: Cell[][]): string {
  const clean = (cell: Cell) => (cell === null ? "" : String(cell).replace(/[\t\r\n]+/g, " "));
  return [columns.map((column) => clean(column.name)), ...rows.map((row) => row.map(clean))]
    .map((row) => row.join("\t"))
    .join("\n");
}

/** A Markdown table, numbers aligned to the right. */
export function toMarkdown(columns: ResultColumn[], rows: Cell[][]): string {
  const clean = (cell: Cell) =>
    cell === null ? "NULL" : String(cell).replaceAll("\\", "\\\\").replaceAll("|", "\\|").replace(/\r?\n/g, "<br>");
  const line = (cells: string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map((column) => clean(column.name))),
    line(columns.map((column) => (isNumeric(column) ? "---:" : "---"))),
    ...rows.map((row) => line(row.map(clean))),
  ].join("\n");
}

/** A column's width in pixels, from its name and first rows: widths must not change while rows scroll by. */
export function columnWidth(place: number, column: ResultColumn, rows: Cell[][]): number {
  const perCharacter = isNumeric(column) || isTemporal(column) ? 8.2 : 7.4;
  const longest = rows
    .slice(0, 100)
    .reduce((most, row) => Math.max(most, shown(row[place] ?? null, column).text.length), column.name.length + 2);
  return Math.round(Math.min(Math.max(longest, 6), 42) * perCharacter) + 28;
}
