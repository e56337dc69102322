import { useCallback, useSyncExternalStore } from "react";

export type Theme = "system" | "light" | "dark";
const KEY = "custard.theme";
const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

function read(): Theme {
  const chosen = document.documentElement.dataset["theme"];
  return chosen === "light" || chosen === "dark" ? chosen : "system";
}

function subscribe(notify: () => void): () => void {
  const watcher = new MutationObserver(notify);
  watcher.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", notify);
  return () => {
    watcher.disconnect();
    system.removeEventListener("change", notify);
  };
}

/** What the reader chose, and the step to the next choice: system, light, dark. */
export function useTheme(): { theme: Theme; next: () => void } {
  const theme = useSyncExternalStore(subscribe, read);
  const next = useCallback(() => {
    const chosen = NEXT[read()];
    if (chosen === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = chosen;
    remember(KEY, chosen === "system" ? null : chosen);
  }, []);
  return { theme, next };
}

/** `light` or `dark`, as the page looks now. */
export function useShade(): "light" | "dark" {
  return useSyncExternalStore(subscribe, () => {
    const theme = read();
    if (theme !== "system") return theme;
    return matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  });
}

/** Keeps a choice on this device; silently not, where storage is switched off. */
export function remember(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // A page without storage works; it only forgets.
  }
}

/** What was kept, or null. */
export function recall(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
