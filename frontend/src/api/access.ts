/** Where the backend is, and the key that opens it. */
import { useSyncExternalStore } from "react";

/** Empty when the backend serves this page itself; an origin in a split deployment. */
export const BASE_URL = String(import.meta.env["VITE_API_BASE"] ?? "").replace(/\/+$/, "");

const KEY = "custard.key";
const listeners = new Set<() => void>();
/** Holds where the tab's storage is off or full; undefined while nothing was chosen here. */
let memory: string | null | undefined;

/** True when a header can carry it: anything else would fail before it is sent, and look like a silent server. */
export function isSendable(key: string): boolean {
  return /^[\x21-\x7e]+$/.test(key);
}

/** The API key of this tab's session, or null. It never outlives the tab. */
export function apiKey(): string | null {
  if (memory !== undefined) return memory;
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
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
  return key === null || !isSendable(key) ? {} : { Authorization: `Bearer ${key}` };
}
