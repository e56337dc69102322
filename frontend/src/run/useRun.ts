import { useEffect, useReducer, useState } from "react";
import { type ApiProblem, asProblem } from "../api/problem";
import { type LiveRun, NOTHING_YET, stored, watch } from "./live";
import { hasEnded } from "./reduce";
import { follow, type Link } from "./stream";
import type { Run, RunEvent } from "./types";

type Change = { kind: "restart" } | { kind: "event"; position: number; event: RunEvent };

/** An event that was folded already changes nothing: positions are the fold's own count. */
function step(live: LiveRun, change: Change): LiveRun {
  if (change.kind === "restart") return NOTHING_YET;
  return change.position <= (live.run?.last_event_id ?? 0) ? live : watch(live, change.event);
}

export interface WatchedRun extends LiveRun {
  link: Link;
  /** Why it cannot be watched any further. */
  problem: ApiProblem | null;
}

/**
 * A run as it happens, from its first event; a run that has ended is shown as it is stored.
 *
 * `onEnd` gets the finished run once, when it ended under our eyes.
 */
export function useRun(runId: string, known: Run, onEnd: (run: Run) => void): WatchedRun {
  const over = hasEnded(known);
  const [live, dispatch] = useReducer(step, NOTHING_YET);
  const [link, setLink] = useState<Link>("connecting");
  const [problem, setProblem] = useState<ApiProblem | null>(null);

  useEffect(() => {
    if (over) return;
    const stop = new AbortController();
    dispatch({ kind: "restart" });
    setProblem(null);
    follow({
      runId,
      signal: stop.signal,
      onLink: setLink,
      onEvent(position, event) {
        dispatch({ kind: "event", position, event });
        return ENDS.has(event.type);
      },
    }).catch((error: unknown) => {
      if (!stop.signal.aborted) setProblem(asProblem(error));
    });
    return () => stop.abort();
  }, [runId, over]);

  const ended = !over && hasEnded(live.run) ? live.run : null;
  useEffect(() => {
    if (ended !== null) onEnd(ended);
    // The callback's identity says nothing new.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [ended]);

  if (over) return { ...stored(known), link: "closed", problem: null };
  return { ...live, run: live.run ?? known, link, problem };
}

const ENDS: ReadonlySet<RunEvent["type"]> = new Set([
  "answered",
  "refused",
  "clarified",
  "run_failed",
  "run_cancelled",
]);
