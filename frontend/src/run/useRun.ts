import { useCallback, useEffect, useState, useSyncExternalStore } from "react";
import { NOTHING_YET, stored } from "./live";
import { hasEnded } from "./reduce";
import type { Run } from "./types";
import { keepWatching, subscribe, subscribeUnderWay, underWay, type WatchedRun, watched } from "./watches";

const NO_THREADS: ReadonlySet<string> = new Set();

/** The threads in which a question of this page is being answered. */
export function useThreadsUnderWay(): ReadonlySet<string> {
  return useSyncExternalStore(subscribeUnderWay, underWay, () => NO_THREADS);
}

/**
 * A run as it happens, from its first event; a run that has ended is shown as it is stored.
 *
 * `onEnd` gets the finished run once, when it ended while this page was open, on whichever view.
 */
export function useRun(known: Run, onEnd: (run: Run) => void): WatchedRun {
  const runId = known.run_id;
  const over = hasEnded(known);
  const [started, setStarted] = useState(false);
  const live = useSyncExternalStore(
    // The watch of a run exists only after the effect below has run: `started` subscribes anew then.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
    useCallback((view) => subscribe(runId, view), [runId, started]),
    () => watched(runId),
  );
  useEffect(() => {
    if (over) return;
    keepWatching(known, onEnd);
    setStarted(true);
    // The callback's identity says nothing new.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [runId, over]);

  if (over) return { ...stored(known), link: "closed", problem: null };
  if (live === null) return { ...NOTHING_YET, run: known, link: "connecting", problem: null };
  return { ...live, run: live.run ?? known };
}
