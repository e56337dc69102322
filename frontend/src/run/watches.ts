/**
 * The runs that this page is watching, whichever view is open.
 *
 * A stream belongs to the page and not to a view: the backend stops a run 20 s after its last listener has
 * left, and going to another conversation while an answer is on its way is not leaving.
 */
import { type ApiProblem, asProblem } from "../api/problem";
import { type LiveRun, NOTHING_YET, watch } from "./live";
import { hasEnded } from "./reduce";
import { follow, type Link } from "./stream";
import type { Run, RunEvent } from "./types";

export interface WatchedRun extends LiveRun {
  link: Link;
  /** Why it cannot be watched any further. */
  problem: ApiProblem | null;
}

const FRESH: WatchedRun = { ...NOTHING_YET, link: "connecting", problem: null };

/** One stream and what it has told so far. */
class Watch {
  state: WatchedRun = FRESH;
  constructor(readonly threadId: string) {}
  readonly views = new Set<() => void>();

  change(state: WatchedRun): void {
    this.state = state;
    for (const view of this.views) view();
  }
}

const watches = new Map<string, Watch>();
const onlookers = new Set<() => void>();
let running: ReadonlySet<string> = new Set();

/**
 * Follows a run to its end, once however often it is asked; `onEnd` gets the finished run.
 *
 * Safe to call again: a stream that goes on is left alone, and one that ended in a problem is tried anew.
 */
export function keepWatching(asked: Run, onEnd: (run: Run) => void): void {
  const runId = asked.run_id;
  const known = watches.get(runId);
  if (known !== undefined && known.state.problem === null) return;
  const one = known ?? new Watch(asked.thread_id);
  watches.set(runId, one);
  one.change(FRESH);
  counted();
  void toTheEnd(runId, one, onEnd);
}

/** Streams at once: a browser has six connections to one origin without HTTP/2, and asking and stopping need some. */
const MOST_STREAMS = 4;
let streams = 0;
const waiting: (() => void)[] = [];

/** A run that is not listened to yet waits for its place; the backend stops only those that somebody has left. */
async function aPlace(): Promise<void> {
  if (streams < MOST_STREAMS) streams += 1;
  else await new Promise<void>((resolve) => waiting.push(resolve));
}

function givePlace(): void {
  const next = waiting.pop(); // What was looked at last is looked at now.
  if (next === undefined) streams -= 1;
  else next();
}

async function toTheEnd(runId: string, one: Watch, onEnd: (run: Run) => void): Promise<void> {
  await aPlace();
  try {
    await follow({
      runId,
      signal: new AbortController().signal,
      onLink: (link) => one.change({ ...one.state, link }),
      onEvent(position, event) {
        // An event that was folded already changes nothing: positions are the fold's own count.
        if (position > (one.state.run?.last_event_id ?? 0)) one.change({ ...one.state, ...watch(one.state, event) });
        return ENDS.has(event.type);
      },
    });
    watches.delete(runId);
    const { run } = one.state;
    if (run !== null && hasEnded(run)) onEnd(run);
  } catch (error) {
    one.change({ ...one.state, problem: asProblem(error) });
  } finally {
    givePlace();
  }
  counted();
}

/** What is known of a run that is being watched; null when it is not. The same object until it changes. */
export function watched(runId: string): WatchedRun | null {
  return watches.get(runId)?.state ?? null;
}

/** Calls `view` at each change of a watched run, until the returned function is called. */
export function subscribe(runId: string, view: () => void): () => void {
  const one = watches.get(runId);
  one?.views.add(view);
  return () => one?.views.delete(view);
}

/** The threads in which this page watches a run; the same set until one starts or ends. */
export function underWay(): ReadonlySet<string> {
  return running;
}

/** Calls `view` whenever a run of this page starts or ends, until the returned function is called. */
export function subscribeUnderWay(view: () => void): () => void {
  onlookers.add(view);
  return () => onlookers.delete(view);
}

function counted(): void {
  running = new Set([...watches.values()].flatMap((one) => (one.state.problem === null ? [one.threadId] : [])));
  for (const view of onlookers) view();
}

const ENDS: ReadonlySet<RunEvent["type"]> = new Set([
  "answered",
  "refused",
  "clarified",
  "run_failed",
  "run_cancelled",
]);
