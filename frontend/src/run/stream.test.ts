import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiProblem } from "../api/problem";
import { NOTHING_YET, watch } from "./live";
import { follow, type Link } from "./stream";
import type { RunEvent } from "./types";

const at = "2026-01-05T09:00:00Z";
const base = { run_id: "run_1", at, step: null };
const events: RunEvent[] = [
  {
    ...base,
    type: "run_started",
    thread_id: "thr_1",
    connection_id: "conn_1",
    agent_id: null,
    question: "How many?",
    history: [],
  },
  { ...base, type: "step_started", step: "draft_sql" },
  ...["select ", "count(*) ", "from ", "t"].map((text): RunEvent => ({ ...base, type: "sql_delta", attempt: 1, text })),
  { ...base, type: "step_finished", step: "draft_sql", elapsed_ms: 12, detail: "", usage: null },
  { ...base, type: "run_failed", problem: { code: "sql_failed", message: "No.", hint: "" } },
];

/** A backend whose connections break after some events; it answers by `Last-Event-ID` like the real one. */
class Backend {
  asked: (string | null)[] = [];
  /** Events to send before each connection breaks; the last number holds from then on. */
  cuts = [Number.POSITIVE_INFINITY];
  /** Sends this many events again that the page has already. */
  overlap = 0;
  /** Positions that are left out the first time. */
  skip = new Set<number>();
  status = 200;
  /** Bytes to a chunk: small ones split lines, and characters. */
  chunk = 7;

  readonly fetch = (_url: unknown, init?: RequestInit): Promise<Response> => {
    const last = new Headers(init?.headers).get("last-event-id");
    this.asked.push(last);
    if (this.status !== 200) {
      const problem = { detail: "There is no such run.", code: "unknown_run", hint: "" };
      return Promise.resolve(Response.json(problem, { status: this.status }));
    }
    const cut = this.cuts.length > 1 ? (this.cuts.shift() ?? 0) : (this.cuts[0] ?? 0);
    const from = Math.max(0, Number(last ?? 0) - this.overlap);
    let text = ": hello\n\n";
    events.slice(from, from + cut).forEach((event, offset) => {
      const position = from + offset + 1;
      if (this.skip.delete(position)) return;
      text += `id: ${position}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n: beat\n\n`;
    });
    const bytes = new TextEncoder().encode(text);
    const size = this.chunk;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let place = 0; place < bytes.length; place += size) controller.enqueue(bytes.slice(place, place + size));
        controller.close();
      },
    });
    return Promise.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
  };
}

let backend: Backend;
beforeEach(() => {
  backend = new Backend();
  vi.stubGlobal("fetch", backend.fetch);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Follows to the end with pauses that take no time; the events and the states of the link. */
async function play(signal = new AbortController().signal) {
  const seen: [number, RunEvent][] = [];
  const links: Link[] = [];
  const following = follow({
    runId: "run_1",
    signal,
    onLink: (link) => links.push(link),
    onEvent: (position, event) => {
      seen.push([position, event]);
      return event.type === "run_failed";
    },
  });
  const state = { done: false };
  const settled = following.finally(() => (state.done = true));
  settled.catch(() => undefined);
  while (!state.done) await vi.advanceTimersByTimeAsync(1_000);
  await settled;
  return { seen, links };
}

const everything = events.map((event, place) => [place + 1, event]);

describe("follow", () => {
  it("gives every event once, whatever the chunks", async () => {
    for (const chunk of [1, 3, 64, 100_000]) {
      backend.chunk = chunk;
      expect((await play()).seen).toEqual(everything);
    }
  });

  it("goes on after five cuts without a duplicate or a gap", async () => {
    backend.cuts = [2, 1, 0, 1, 1, 99];
    const { seen, links } = await play();
    expect(seen).toEqual(everything);
    expect(backend.asked).toEqual([null, "2", "3", "3", "4", "5"]);
    expect(links.at(-1)).toBe("closed");
    expect(links.filter((link) => link === "reconnecting")).toHaveLength(5);
    expect(seen.reduce((live, [, event]) => watch(live, event), NOTHING_YET).run?.last_event_id).toBe(events.length);
  });

  it("passes over what it has already", async () => {
    backend.cuts = [3, 99];
    backend.overlap = 3;
    expect((await play()).seen).toEqual(everything);
  });

  it("asks again where one is missing, instead of leaving it out", async () => {
    backend.skip = new Set([4]);
    expect((await play()).seen).toEqual(everything);
    expect(backend.asked).toEqual([null, "3"]);
  });

  it("is live as soon as it is connected, also where nothing is told", async () => {
    vi.stubGlobal("fetch", (_url: unknown, init?: RequestInit) => {
      const silent = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode(": beat\n\n"));
          init?.signal?.addEventListener("abort", () => controller.error(new Error("aborted")));
        },
      });
      return Promise.resolve(new Response(silent, { headers: { "Content-Type": "text/event-stream" } }));
    });
    const watching = new AbortController();
    setTimeout(() => watching.abort(), 20_000);
    expect((await play(watching.signal)).links.slice(0, 2)).toEqual(["connecting", "live"]);
  });

  it("does not take an event that cannot be read for a cut", async () => {
    const signal = new AbortController().signal;
    const onEvent = () => {
      throw new Error("out of order");
    };
    await expect(follow({ runId: "run_1", signal, onLink: () => undefined, onEvent })).rejects.toThrow("cannot read");
    expect(backend.asked).toHaveLength(1);
  });

  it("does not try again what cannot succeed", async () => {
    backend.status = 404;
    await expect(play()).rejects.toThrow(new ApiProblem(404, "unknown_run", "There is no such run."));
    expect(backend.asked).toHaveLength(1);
  });

  it("ends quietly when nobody watches any more", async () => {
    backend.cuts = [1];
    backend.status = 503;
    const watching = new AbortController();
    setTimeout(() => watching.abort(), 20_000);
    const { seen } = await play(watching.signal);
    expect(seen).toEqual([]);
    expect(backend.asked.length).toBeGreaterThan(3);
  });
});
