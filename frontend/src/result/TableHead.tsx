import type { ResultColumn } from "../run/types";
import { isNumeric } from "./numbers";
import type { Sort } from "./order";

interface Props {
  column: ResultColumn;
  place: number;
  sort: Sort | null;
  onSort: (sort: Sort | null) => void;
}

/** A column's name; a click sorts by it, then the other way, then not at all. */
export function TableHead({ column, place, sort, onSort }: Props) {
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
        <span dir="auto" className="truncate">
          {column.name}
        </span>
        {mine !== null && <span aria-hidden="true">{mine.descending ? "↓" : "↑"}</span>}
      </button>
    </th>
  );
}
