import { type KeyboardEvent, useRef } from "react";

export interface Tab<Name extends string> {
  name: Name;
  label: string;
}

interface Props<Name extends string> {
  /** Prefix of the ids that tie tabs to their panel. */
  id: string;
  label: string;
  tabs: Tab<Name>[];
  current: Name;
  onSelect: (name: Name) => void;
}

/** A tab list: arrows move, and moving selects. The panel is `tabPanel(id, name)`. */
export function Tabs<Name extends string>({ id, label, tabs, current, onSelect }: Props<Name>) {
  const list = useRef<HTMLDivElement>(null);
  function move(event: KeyboardEvent) {
    const place = tabs.findIndex((tab) => tab.name === current);
    const next = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 }[event.key];
    const tab = next === undefined ? undefined : tabs[(next + tabs.length) % tabs.length];
    if (tab === undefined) return;
    event.preventDefault();
    onSelect(tab.name);
    list.current?.querySelector<HTMLElement>(`#${CSS.escape(`${id}-tab-${tab.name}`)}`)?.focus();
  }
  return (
    <div ref={list} role="tablist" aria-label={label} className="flex gap-1">
      {tabs.map((tab) => {
        const selected = tab.name === current;
        return (
          <button
            key={tab.name}
            id={`${id}-tab-${tab.name}`}
            type="button"
            role="tab"
            aria-selected={selected}
            aria-controls={`${id}-panel`}
            tabIndex={selected ? 0 : -1}
            onClick={() => onSelect(tab.name)}
            onKeyDown={move}
            className={`h-11 border-b-2 px-2 text-13 transition-colors -mb-px ${
              selected
                ? "border-ink font-medium text-ink"
                : "border-transparent forced-colors:border-[Canvas] text-ink-2 hover:text-ink"
            }`}
          >
            {tab.label}
          </button>
        );
      })}
    </div>
  );
}

/** Attributes of the one panel that the tabs of `id` show. */
export function tabPanel(id: string, current: string) {
  return { role: "tabpanel", id: `${id}-panel`, "aria-labelledby": `${id}-tab-${current}` } as const;
}
