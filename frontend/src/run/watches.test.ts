import { afterEach, describe, expect, it, vi } from "vitest";
import type { Run, RunEvent } from "./types";
import { keepWatching, subscribe, underWay, watched } from "./watches";

/** Within a hang limit. */
const eventually = (check: () => void) => vi.waitFor(check, { timeout: 30_000 });
const at = "2026-01-05T09:00:00Z";
const started = (runId: string): RunEvent => ({
  run_id: runId,
  at,
  step: null,
  type: "run_started",
  thread_id: "thr_1",
  connection_id: "conn_1",
  agent_id: null,
  question: "How many?",
  history: [],
});
const failed = (runId: string): RunEvent => ({
  run_id: runId,
  at,
  step: null,
  type: "run_failed",
  problem: { code: "sql_failed", message: "No.", hint: "" },
});
const asked = (runId: string) => ({ run_id: runId, thread_id: "thr_1" }) as Run;

/** A backend whose one stream is written by the test. */
function backend() {
  const asks: (AbortSignal | null | undefined)[] = [];
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  vi.stubGlobal("fetch", (_url: unknown, init?: RequestInit) => {
    asks.push(init?.signal);
    const body = new ReadableStream<Uint8Array>({
      start: (one) => {
        controller = one;
      },
    });
    return Promise.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
  });
  const send = (position: number, event: RunEvent) =>
    controller?.enqueue(new TextEncoder().encode(`id: ${position}\ndata: ${JSON.stringify(event)}\n\n`));
  return { asks, send };
}

afterEach(() => vi.unstubAllGlobals());

describe("the runs that a page watches", () => {
  it("stay watched when the last view of them is gone, and hand over the finished run", async () => {
    const { asks, send } = backend();
    const ended = vi.fn();
    keepWatching(asked("run_left"), ended);
    await eventually(() => expect(asks).toHaveLength(1));
    const view = vi.fn();
    const leave = subscribe("run_left", view);
    send(1, started("run_left"));
    await eventually(() => expect(view).toHaveBeenCalled());
    leave();
    expect(asks[0]?.aborted).toBe(false);
    expect(underWay().has("thr_1")).toBe(true);
    send(2, failed("run_left"));
    await eventually(() => expect(ended).toHaveBeenCalledOnce());
    expect(ended).toHaveBeenCalledWith(expect.objectContaining({ run_id: "run_left", status: "failed" }));
    expect(underWay().size).toBe(0);
    expect(watched("run_left")).toBeNull();
  });

  it("leave the browser connections to ask and stop with", async () => {
    const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
    vi.stubGlobal("fetch", () => {
      const body = new ReadableStream<Uint8Array>({ start: (one) => void streams.push(one) });
      return Promise.resolve(new Response(body, { headers: { "Content-Type": "text/event-stream" } }));
    });
    const runs = [1, 2, 3, 4, 5, 6].map((place) => `run_many${place}`);
    const ended = vi.fn();
    for (const run of runs) keepWatching(asked(run), ended);
    await eventually(() => expect(streams).toHaveLength(4));
    const order = [0, 1, 2, 3, 5, 4]; // Of those that wait the last comes first.
    for (const [place, run] of order.entries()) {
      await eventually(() => expect(streams.length).toBeGreaterThan(place));
      expect(streams.length).toBeLessThanOrEqual(place + 4);
      const events = [started(runs[run] ?? ""), failed(runs[run] ?? "")];
      const text = events.map((event, at) => `id: ${at + 1}\ndata: ${JSON.stringify(event)}\n\n`).join("");
      streams[place]?.enqueue(new TextEncoder().encode(text));
      await eventually(() => expect(ended).toHaveBeenCalledTimes(place + 1));
    }
    expect(underWay().size).toBe(0);
  });

  it("have one stream however many views ask for it", async () => {
    const { asks, send } = backend();
    const ended = vi.fn();
    keepWatching(asked("run_twice"), ended);
    keepWatching(asked("run_twice"), vi.fn());
    await eventually(() => expect(asks).toHaveLength(1));
    send(1, started("run_twice"));
    send(2, failed("run_twice"));
    await eventually(() => expect(ended).toHaveBeenCalledOnce());
    expect(asks).toHaveLength(1);
  });

  it("are tried anew after a problem when somebody looks again", async () => {
    const problem = { detail: "There is no such run.", code: "unknown_run", hint: "" };
    vi.stubGlobal("fetch", () => Promise.resolve(Response.json(problem, { status: 404 })));
    keepWatching(asked("run_gone"), vi.fn());
    await eventually(() => expect(watched("run_gone")?.problem?.status).toBe(404));
    expect(underWay().size).toBe(0);
    const { asks, send } = backend();
    const ended = vi.fn();
    keepWatching(asked("run_gone"), ended);
    await eventually(() => expect(asks).toHaveLength(1));
    send(1, started("run_gone"));
    send(2, failed("run_gone"));
    await eventually(() => expect(ended).toHaveBeenCalledOnce());
  });
});
