/** What a live view shows beyond the record: text while it is being written. Pure, like the fold it wraps. */
import { reduce } from "./reduce";
import type { Run, RunEvent } from "./types";

/** A run as it is being watched. */
export interface LiveRun {
  run: Run | null;
  /** SQL that is being drafted or repaired; null when none is. */
  sql: { attempt: number; text: string } | null;
  /** The answer's sentence so far; empty outside of summarising. */
  answer: string;
}

export const NOTHING_YET: LiveRun = { run: null, sql: null, answer: "" };

/** The view of a stored run: nothing of it is being written here. */
export function stored(run: Run): LiveRun {
  return { run, sql: null, answer: "" };
}

/** The view after one more event. */
export function watch(live: LiveRun, event: RunEvent): LiveRun {
  const run = reduce(live.run, event);
  switch (event.type) {
    case "sql_delta": {
      const before = live.sql?.attempt === event.attempt ? live.sql.text : "";
      return { ...live, run, sql: { attempt: event.attempt, text: before + event.text } };
    }
    case "answer_delta":
      return { ...live, run, answer: live.answer + event.text };
    case "drafted":
    case "repaired":
      return { ...live, run, sql: null };
    case "step_started":
      // A step that is done again writes its text again, from the start.
      return { run, sql: null, answer: "" };
    case "answered":
    case "refused":
    case "clarified":
    case "run_failed":
    case "run_cancelled":
      return { run, sql: null, answer: "" };
    default:
      return { ...live, run };
  }
}
