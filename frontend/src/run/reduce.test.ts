import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { NOTHING_YET, watch } from "./live";
import { railRows } from "./rail";
import { reduce } from "./reduce";
import type { Run, RunEvent } from "./types";

const folder = join(import.meta.dirname, "../../../tests/fixtures/runs");
const recorded = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];

function read(name: string): { events: RunEvent[]; run: Run } {
  return JSON.parse(readFileSync(join(folder, name), "utf8"));
}

describe("the fold law on runs that the graph recorded", () => {
  it("has recorded runs to replay", () => expect(recorded.length).toBeGreaterThan(0));

  it.each(recorded)("%s folds to the run that the backend shows", (name) => {
    const { events, run } = read(name);
    expect(events.reduce<Run | null>(reduce, null)).toEqual(run);
  });

  it.each(recorded)("%s: rail rows are the run's timings, live or stored", (name) => {
    const { events, run } = read(name);
    const live = events.reduce(watch, NOTHING_YET).run;
    expect(railRows(live as Run)).toEqual(railRows(run));
    expect(railRows(run).map((row) => row.step)).toEqual(run.timings.map((timing) => timing.step));
    expect(railRows(run).every((row) => row.elapsedMs !== null && row.state !== "live")).toBe(true);
  });
});

const at = "2026-01-05T09:00:00Z";
const base = { run_id: "run_1", at, step: null };
const started: RunEvent = {
  ...base,
  type: "run_started",
  thread_id: "thr_1",
  connection_id: "conn_1",
  agent_id: null,
  question: "How many?",
  history: [],
};

describe("reduce", () => {
  it("refuses a run that does not start", () => {
    expect(() => reduce(null, { ...base, type: "executing", attempt: 1 })).toThrow("first event is run_started");
  });

  it("refuses anything after the end, and a second start", () => {
    const run = reduce(null, started);
    expect(() => reduce(run, started)).toThrow("starts once");
    const over = reduce(run, { ...base, type: "run_cancelled", reason: "", database_ms: 3 });
    expect(over.status).toBe("cancelled");
    expect(() => reduce(over, { ...base, type: "executing", attempt: 1 })).toThrow("has ended");
  });

  it("counts deltas without keeping them", () => {
    const run = reduce(reduce(null, started), { ...base, type: "sql_delta", attempt: 1, text: "select" });
    expect(run.events).toHaveLength(1);
    expect(run.last_event_id).toBe(2);
  });

  it("keeps an event of a type it does not know", () => {
    const strange = { ...base, type: "weighed", grams: 3 } as unknown as RunEvent;
    const run = reduce(reduce(null, started), strange);
    expect(run.events).toHaveLength(2);
    expect(run.status).toBe("running");
  });

  it("gives the same object for the same input, twice", () => {
    expect(reduce(null, started)).toEqual(reduce(null, started));
  });
});

describe("watch", () => {
  it("gathers SQL and sentence apart from the record, and drops them when they are done", () => {
    let live = watch(NOTHING_YET, started);
    live = watch(live, { ...base, type: "sql_delta", attempt: 1, text: "select " });
    live = watch(live, { ...base, type: "sql_delta", attempt: 1, text: "1" });
    expect(live.sql).toEqual({ attempt: 1, text: "select 1" });
    live = watch(live, {
      ...base,
      type: "drafted",
      attempt: 1,
      sql: "select 1",
      origin: "draft",
      changes: [],
      standalone_question: null,
    });
    expect(live.sql).toBeNull();
    live = watch(live, { ...base, type: "answer_delta", text: "One." });
    expect(live.answer).toBe("One.");
    expect(live.run?.attempts[0]?.sql).toBe("select 1");
  });
});
