/** A result as text to paste elsewhere: the values themselves, never their looks. */
import type { Cell, ResultColumn } from "../run/types";
import { isNumeric } from "./numbers";

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
