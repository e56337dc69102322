import { useVirtualizer } from "@tanstack/react-virtual";
import { useMemo, useRef, useState } from "react";
import { count } from "../lib/format";
import type { Cell, ResultColumn } from "../run/types";
import { Button } from "../ui/Button";
import { columnWidth } from "./cells";
import { type OpenCell, OpenedCell, TableCell } from "./TableCell";
import { TableHead } from "./TableHead";
import type { Sort } from "./order";

/** A row's height; on a phone as high as a finger needs. */
const rowPixels = () => (matchMedia("(max-width: 719px)").matches ? 44 : 32);
/** Fewer cells than this are all in the page: find-in-page and screen readers then have them too. */
const VIRTUAL_FROM = 4_000;
/** More columns come in steps of as many. */
const COLUMNS = 100;

interface Props {
  columns: ResultColumn[];
  rows: Cell[][];
  sort: Sort | null;
  onSort: (sort: Sort | null) => void;
  caption: string;
}

/** A result as a table: sticky head, numbers to the right, sorted by a click on a column's name. */
export function ResultTable({ columns: all, rows, sort, onSort, caption }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const [most, setMost] = useState(COLUMNS);
  const [opened, setOpened] = useState<OpenCell | null>(null);
  const columns = useMemo(() => all.slice(0, most), [all, most]);
  const widths = useMemo(() => columns.map((column, place) => columnWidth(place, column, rows)), [columns, rows]);
  const virtual = rows.length * columns.length > VIRTUAL_FROM;
  const [rowPx] = useState(rowPixels);
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => rowPx,
    overscan: 12,
    enabled: virtual,
  });
  const items = virtualizer.getVirtualItems();
  const first = virtual ? (items[0]?.index ?? 0) : 0;
  const last = virtual ? (items.at(-1)?.index ?? -1) : rows.length - 1;
  const above = first * rowPx;
  const below = Math.max(0, (rows.length - 1 - last) * rowPx);
  const hidden = all.length - columns.length;

  return (
    <>
      {/* A box that scrolls must be reachable by keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div ref={box} tabIndex={0} role="group" aria-label={caption} className="max-h-[416px] overflow-auto">
        <table
          data-testid="result-table"
          aria-rowcount={rows.length + 1}
          aria-colcount={all.length}
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
                <TableHead key={place} column={column} place={place} sort={sort} onSort={onSort} />
              ))}
            </tr>
          </thead>
          <tbody>
            {above > 0 && <Gap height={above} columns={columns.length} />}
            {rows.slice(first, last + 1).map((row, offset) => (
              <tr
                key={first + offset}
                aria-rowindex={first + offset + 2}
                style={{ height: rowPx }}
                className="hover:bg-hover"
              >
                {columns.map((column, place) => (
                  <TableCell key={place} cell={row[place] ?? null} column={column} onOpen={setOpened} />
                ))}
              </tr>
            ))}
            {below > 0 && <Gap height={below} columns={columns.length} />}
          </tbody>
        </table>
      </div>
      {opened !== null && <OpenedCell cell={opened} onClose={() => setOpened(null)} />}
      {hidden > 0 && (
        <p data-testid="more-columns" className="border-t border-line px-4 py-1 text-12 text-ink-3">
          {count(columns.length, "column")} of {all.length.toLocaleString("en")}.
          <Button look="link" onClick={() => setMost(most + COLUMNS)}>
            Show {Math.min(COLUMNS, hidden)} more
          </Button>
        </p>
      )}
    </>
  );
}

function Gap({ height, columns }: { height: number; columns: number }) {
  return (
    <tr aria-hidden="true">
      <td colSpan={columns} style={{ height, padding: 0 }} />
    </tr>
  );
}
