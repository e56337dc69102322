import { useState } from "react";

/**
 * What a query came to when it last came to anything: its error, or null.
 *
 * A query that asks again without ever having had an answer forgets its error for that time. What followed that would
 * be torn down and built up again every few seconds, with whatever was typed in it.
 */
export function useLastError({ status, error }: { status: string; error: unknown }): unknown {
  const [last, setLast] = useState<unknown>(null);
  const found = status === "pending" ? last : error;
  if (found !== last) setLast(found);
  return found;
}
