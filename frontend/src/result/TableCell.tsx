import { memo, useEffect, useRef } from "react";
import type { Cell, ResultColumn } from "../run/types";
import { Button } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { Icon } from "../ui/Icon";
import { isLong, shown } from "./cells";
import { isNumeric } from "./numbers";

export interface OpenCell {
  name: string;
  text: string;
  /** Where to go back to. */
  from: HTMLElement;
}

interface Props {
  cell: Cell;
  column: ResultColumn;
  onOpen: (cell: OpenCell) => void;
}

/** One value. What may not fit, or is shown shorter than it is, can be opened, by keyboard and finger as well. */
export const TableCell = memo(function TableCell({ cell, column, onOpen }: Props) {
  const place = isNumeric(column) ? "text-right" : "text-left";
  const box = `border-b border-line px-3 ${place}`;
  if (cell === null || cell === "") {
    return (
      <td className={box}>
        <span className="font-mono text-11 text-ink-3">{cell === null ? "NULL" : "empty"}</span>
      </td>
    );
  }
  const { text, exact } = shown(cell, column);
  if (!isLong(text)) {
    return (
      <td dir="auto" title={exact ?? undefined} className={`truncate ${box}`}>
        {text}
      </td>
    );
  }
  return (
    <td className={`truncate ${box}`}>
      <button
        type="button"
        dir="auto"
        title={text.slice(0, 1_000)}
        onClick={(event) => onOpen({ name: column.name, text: exact ?? text, from: event.currentTarget })}
        className={`block w-full truncate rounded-control -outline-offset-2 hover:text-cobalt max-md:min-h-11 ${place}`}
      >
        {text.length > 1_000 ? text.slice(0, 1_000) : text}
      </button>
    </td>
  );
});

/** A value in full, under its table. */
export function OpenedCell({ cell, onClose }: { cell: OpenCell; onClose: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => box.current?.focus(), [cell]);
  function close() {
    onClose();
    cell.from.focus();
  }
  return (
    <section
      data-testid="opened-cell"
      aria-label={`Value of ${cell.name}`}
      className="border-t border-line bg-sunken px-4 py-2"
    >
      <div className="flex items-center gap-1 text-12 text-ink-3">
        <span dir="auto" className="min-w-0 grow truncate">
          {cell.name}
        </span>
        <CopyButton label="Copy value" square text={() => cell.text} />
        <Button look="quiet" square aria-label="Close" onClick={close}>
          <Icon name="cross" />
        </Button>
      </div>
      <div
        ref={box}
        dir="auto"
        // A box that scrolls must be reachable by keyboard.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="group"
        aria-label={cell.name}
        className="max-h-40 overflow-auto rounded-control text-13 whitespace-pre-wrap wrap-anywhere"
      >
        {cell.text}
      </div>
    </section>
  );
}
