import { useState } from "react";

export type CardTab = "chart" | "table" | "sql";
const NAMES: ReadonlySet<string> = new Set(["chart", "table", "sql"]);

/** A card's tab. The address names it (`?run=…&tab=sql`), so that a view can be linked to. */
export function useCardTab(runId: string, initial: CardTab): [CardTab, (tab: CardTab) => void] {
  const [chosen, setChosen] = useState<CardTab | null>(() => {
    const address = new URLSearchParams(location.search);
    const named = address.get("tab");
    return address.get("run") === runId && named !== null && NAMES.has(named) ? (named as CardTab) : null;
  });
  function choose(tab: CardTab) {
    setChosen(tab);
    const address = new URL(location.href);
    address.searchParams.set("run", runId);
    address.searchParams.set("tab", tab);
    history.replaceState(history.state, "", address);
  }
  return [chosen ?? initial, choose];
}
