import { useEffect, useRef } from "react";
import { recall, remember } from "../lib/theme";
import { isComposing } from "./keys";

const KEY = "custard.shortcuts";

/** Whether single keys do anything: those who speak to their computer, or shake, may switch them off. */
export function shortcutsOn(): boolean {
  return recall(KEY) !== "off";
}

export function switchShortcuts(on: boolean): void {
  remember(KEY, on ? null : "off");
}

/** Keys by their character: `?`, `c`, `.`, `j`. They are silent while somebody types or a dialog is open. */
export type Shortcuts = Record<string, () => void>;

export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  useEffect(() => {
    latest.current = shortcuts;
  });
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      if (!shortcutsOn()) return;
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isComposing(event)) return;
      if (isTyping(event.target) || document.querySelector("dialog[open]") !== null) return;
      const action = latest.current[event.key.toLowerCase()];
      if (action === undefined) return;
      event.preventDefault();
      action();
    }
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null;
}
