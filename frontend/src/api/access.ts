/** Where the backend is, and the key that opens it. */
import { useSyncExternalStore } from "react";

/** Empty when the backend serves this page itself; an origin in a split deployment. */
export const BASE_URL = String(import.meta.env["VITE_API_BASE"] ?? "").replace(/\/+$/, "");

const KEY = "custard.key";
const listeners = new Set<() => void>();
let memory: string | null = null;

/** The API key of this tab's session, or null. It never outlives the tab. */
export function apiKey(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return memory;
  }
}

/** Takes a key, or forgets it. */
export function setApiKey(key: string | null): void {
  memory = key;
  try {
    if (key === null) sessionStorage.removeItem(KEY);
    else sessionStorage.setItem(KEY, key);
  } catch {
    // Kept in memory only.
  }
  for (const notify of listeners) notify();
}

/** The key, followed. */
export function useApiKey(): string | null {
  return useSyncExternalStore((notify) => {
    listeners.add(notify);
    return () => listeners.delete(notify);
  }, apiKey);
}

/** Headers that every call carries. */
export function authorization(): Record<string, string> {
  const key = apiKey();
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}
