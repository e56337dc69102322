import { describe, expect, it, vi } from "vitest";
import type { Run } from "../run/types";
import { client } from "./client";
import { createQueryClient } from "./queries";
import { ask, putRun, readThread, type ThreadDetail } from "./threads";

const run = (runId: string) => ({ run_id: runId, thread_id: "thr_1", question: "How many?" }) as Run;
const key = ["thread", "thr_1"];

describe("putRun", () => {
  it("makes the thread of a run that has just started, and none for one that merely ended", () => {
    const cache = createQueryClient();
    putRun(cache, run("run_1"), { create: false });
    expect(cache.getQueryData(key)).toBeUndefined();
    putRun(cache, run("run_1"), { create: true });
    putRun(cache, run("run_2"), { create: false });
    expect(cache.getQueryData<ThreadDetail>(key)?.runs.map((one) => one.run_id)).toEqual(["run_1", "run_2"]);
  });

  it("is not written over by what was read before", async () => {
    const cache = createQueryClient();
    putRun(cache, run("run_1"), { create: true });
    let arrive: (thread: unknown) => void = () => undefined;
    const reading = cache
      .fetchQuery({ queryKey: key, staleTime: -1, queryFn: () => new Promise((resolve) => (arrive = resolve)) })
      .catch(() => undefined);
    putRun(cache, run("run_2"), { create: true });
    arrive({ ...cache.getQueryData<ThreadDetail>(key), runs: [run("run_1")] });
    await reading;
    expect(cache.getQueryData<ThreadDetail>(key)?.runs.map((one) => one.run_id)).toEqual(["run_1", "run_2"]);
  });
});

describe("readThread", () => {
  it("reads a long thread whole, the latest part first", async () => {
    const parts: Record<string, object> = {
      "": { thread_id: "thr_1", runs: [run("run_3"), run("run_4")], next: "run_3" },
      run_3: { thread_id: "thr_1", runs: [run("run_1"), run("run_2")], next: "run_1" },
      run_1: { thread_id: "thr_1", runs: [], next: null },
    };
    const asked: string[] = [];
    const get = vi.spyOn(client, "GET").mockImplementation(((_: string, { params }: never) => {
      const before = (params as { query: { before?: string } }).query.before ?? "";
      asked.push(before);
      return Promise.resolve({ data: parts[before], response: new Response() });
    }) as never);
    const thread = await readThread("thr_1");
    expect(asked).toEqual(["", "run_3", "run_1"]);
    expect(thread.runs.map((one) => one.run_id)).toEqual(["run_1", "run_2", "run_3", "run_4"]);
    expect(thread).not.toHaveProperty("next");
    get.mockRestore();
  });
});

describe("ask", () => {
  it("does not wait for ever for a backend that takes a question and says nothing", async () => {
    vi.spyOn(AbortSignal, "timeout").mockImplementation(() => AbortSignal.abort(new Error("too long")));
    const keys: unknown[] = [];
    const post = vi.spyOn(client, "POST").mockImplementation(((_: string, init: never) => {
      const { body, signal } = init as { body: { idempotency_key: string }; signal?: AbortSignal };
      keys.push(body.idempotency_key);
      return new Promise((_resolve, reject) => {
        if (signal?.aborted === true) reject(signal.reason);
      });
    }) as never);
    const asking = { connectionId: "conn_1", threadId: null, question: "How many?", key: "one" };
    await expect(ask(createQueryClient(), asking)).rejects.toMatchObject({ isUnreachable: true });
    expect(keys).toEqual(["one", "one", "one"]);
    post.mockRestore();
    vi.restoreAllMocks();
  });
});
