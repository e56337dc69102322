/** How a value of a result is shown. */
import type { Cell, ResultColumn } from "../run/types";
import { isNumeric, numberText } from "./numbers";

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

const LONGEST = 42;

/** A column's width in pixels, from its name and first rows: widths must not change while rows scroll by. */
export function columnWidth(place: number, column: ResultColumn, rows: Cell[][]): number {
  const perCharacter = isNumeric(column) || isTemporal(column) ? 8.2 : 7.4;
  const longest = rows
    .slice(0, 100)
    .reduce((most, row) => Math.max(most, shown(row[place] ?? null, column).text.length), column.name.length + 2);
  return Math.round(Math.min(Math.max(longest, 6), LONGEST) * perCharacter) + 28;
}

/** True when a cell may not show all of its text. */
export function isLong(text: string): boolean {
  return text.length > 32 || text.includes("\n");
}
