/** One run's events over SSE, to the end: resumed by position after every cut, without duplicates or gaps. */
import { EventSourceParserStream } from "eventsource-parser/stream";
import { authorization, BASE_URL } from "../api/access";
import { ApiProblem, problemOf } from "../api/problem";
import type { RunEvent } from "./types";

export type Link = "connecting" | "live" | "reconnecting" | "closed";

export interface Follow {
  runId: string;
  signal: AbortSignal;
  /** Gets each event once, in order, with its position (1, 2, …). True means: that was the last. */
  onEvent: (position: number, event: RunEvent) => boolean;
  onLink: (link: Link) => void;
}

/** Longer than two heartbeats of ten seconds: the stream is dead although nobody closed it. */
const SILENCE_MS = 25_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/**
 * Follows a run until its last event or until `signal` aborts.
 *
 * Throws `ApiProblem` when trying again cannot help: the run is unknown, or the key is refused.
 */
export async function follow({ runId, signal, onEvent, onLink }: Follow): Promise<void> {
  let position = 0;
  let pause = FIRST_PAUSE_MS;
  onLink("connecting");
  while (!signal.aborted) {
    const attempt = new AbortController();
    const stop = () => attempt.abort();
    signal.addEventListener("abort", stop, { once: true });
    try {
      const connected = () => onLink("live"); // Also where there is nothing to tell for a while: a beat is no message.
      for await (const message of open(runId, position, attempt, connected)) {
        pause = FIRST_PAUSE_MS;
        const place = Number(message.id);
        if (!Number.isInteger(place) || place <= position) continue;
        if (place > position + 1) break; // One is missing: ask again from the last that arrived.
        position = place;
        if (told(() => onEvent(place, JSON.parse(message.data) as RunEvent))) {
          onLink("closed");
          return;
        }
      }
    } catch (error) {
      if (error instanceof ApiProblem && isFinal(error)) throw error;
    } finally {
      signal.removeEventListener("abort", stop);
      attempt.abort();
    }
    if (signal.aborted) return;
    onLink("reconnecting");
    await rest(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

const UNREADABLE = "unreadable_event";

/** An event that cannot be taken is no cut: it would come again for ever. */
function told<Done>(take: () => Done): Done {
  try {
    return take();
  } catch {
    const hint = "Reload it: it may be older than the server.";
    throw new ApiProblem(200, UNREADABLE, "This page cannot read what the server tells of the question.", hint);
  }
}

function isFinal({ status, code }: ApiProblem): boolean {
  return code === UNREADABLE || (status >= 400 && status < 500 && status !== 429);
}

async function* open(runId: string, after: number, attempt: AbortController, connected: () => void) {
  const headers: Record<string, string> = { Accept: "text/event-stream", ...authorization() };
  if (after > 0) headers["Last-Event-ID"] = String(after);
  let watchdog = setTimeout(() => attempt.abort(), SILENCE_MS);
  const heard = () => {
    clearTimeout(watchdog);
    watchdog = setTimeout(() => attempt.abort(), SILENCE_MS);
  };
  try {
    const url = `${BASE_URL}/api/v1/runs/${encodeURIComponent(runId)}/events`;
    const response = await fetch(url, { headers, signal: attempt.signal, cache: "no-store" });
    if (!response.ok || response.body === null) throw await problemOf(response);
    connected();
    const bytes = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          heard(); // Heartbeats are comments: the parser drops them, the watchdog must not.
          controller.enqueue(chunk);
        },
      }),
    );
    const messages = bytes
      .pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>)
      .pipeThrough(new EventSourceParserStream());
    const reader = messages.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

/** Waits, but no longer than until the network is back. */
function rest(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      globalThis.removeEventListener?.("online", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    globalThis.addEventListener?.("online", done, { once: true });
  });
}
