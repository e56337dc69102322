import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import type { Cell, ResultColumn } from "../run/types";
import { columnWidth, isNumeric, type Sort, shown, sorted } from "./cells";

/** A row's height; on a phone as high as a finger needs. */
const rowPixels = () => (matchMedia("(max-width: 719px)").matches ? 44 : 32);
/** Fewer rows than this are all in the page: find-in-page and screen readers then have them too. */
const VIRTUAL_FROM = 200;

interface Props {
  columns: ResultColumn[];
  rows: Cell[][];
  sort: Sort | null;
  onSort: (sort: Sort | null) => void;
  caption: string;
}

/** A result as a table: sticky head, numbers to the right, sorted by a click on a column's name. */
export function ResultTable({ columns, rows, sort, onSort, caption }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const ordered = useMemo(() => sorted(rows, columns, sort), [rows, columns, sort]);
  const widths = useMemo(() => columns.map((column, place) => columnWidth(place, column, rows)), [columns, rows]);
  const virtual = ordered.length > VIRTUAL_FROM;
  const [rowPx] = useState(rowPixels);
  const virtualizer = useVirtualizer({
    count: ordered.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowPx,
    overscan: 12,
    enabled: virtual,
  });
  const items = virtualizer.getVirtualItems();
  const first = virtual ? (items[0]?.index ?? 0) : 0;
  const last = virtual ? (items.at(-1)?.index ?? -1) : ordered.length - 1;
  const above = first * rowPx;
  const below = Math.max(0, (ordered.length - 1 - last) * rowPx);

  return (
    // A box that scrolls must be reachable by keyboard.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div ref={box} tabIndex={0} role="group" aria-label={caption} className="max-h-[416px] overflow-auto">
      <table
        data-testid="result-table"
        aria-rowcount={ordered.length + 1}
        className="tnum w-full table-fixed border-separate border-spacing-0 text-13"
        style={{ minWidth: widths.reduce((sum, width) => sum + width, 0) }}
      >
        <caption className="sr-only">{caption}</caption>
        <colgroup>
          {widths.map((width, place) => (
            <col key={place} style={{ width }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            {columns.map((column, place) => (
              <Head key={place} column={column} place={place} sort={sort} onSort={onSort} />
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <Gap height={above} columns={columns.length} />}
          {ordered.slice(first, last + 1).map((row, offset) => (
            <tr
              key={first + offset}
              aria-rowindex={first + offset + 2}
              style={{ height: rowPx }}
              className="hover:bg-hover"
            >
              {columns.map((column, place) => (
                <Value key={place} cell={row[place] ?? null} column={column} />
              ))}
            </tr>
          ))}
          {below > 0 && <Gap height={below} columns={columns.length} />}
        </tbody>
      </table>
    </div>
  );
}

interface HeadProps {
  column: ResultColumn;
  place: number;
  sort: Sort | null;
  onSort: (sort: Sort | null) => void;
}

function Head({ column, place, sort, onSort }: HeadProps) {
  const mine = sort?.column === place ? sort : null;
  const numeric = isNumeric(column);
  function next() {
    if (mine === null) onSort({ column: place, descending: numeric });
    else if (mine.descending === numeric) onSort({ column: place, descending: !numeric });
    else onSort(null);
  }
  return (
    <th
      scope="col"
      aria-sort={mine === null ? "none" : mine.descending ? "descending" : "ascending"}
      className="sticky top-0 z-1 border-b border-line bg-surface p-0 font-medium"
    >
      <button
        type="button"
        onClick={next}
        title={`${column.name} · ${column.type}`}
        className={`flex h-8 w-full items-center gap-1 px-3 text-12 text-ink-2 -outline-offset-2 hover:text-ink max-md:h-11 ${numeric ? "justify-end" : ""}`}
      >
        <span className="truncate">{column.name}</span>
        {mine !== null && <span aria-hidden="true">{mine.descending ? "↓" : "↑"}</span>}
      </button>
    </th>
  );
}

function Value({ cell, column }: { cell: Cell; column: ResultColumn }) {
  const { text, exact } = shown(cell, column);
  const place = isNumeric(column) ? "text-right" : "text-left";
  if (cell === null || cell === "") {
    return (
      <td className={`border-b border-line px-3 ${place}`}>
        <span className="font-mono text-11 text-ink-3">{cell === null ? "NULL" : "empty"}</span>
      </td>
    );
  }
  return (
    <td
      title={exact ?? (text.length > 32 ? text : undefined)}
      className={`truncate border-b border-line px-3 ${place}`}
    >
      {text}
    </td>
  );
}

function Gap({ height, columns }: { height: number; columns: number }) {
  return (
    <tr aria-hidden="true">
      <td colSpan={columns} style={{ height, padding: 0 }} />
    </tr>
  );
}
