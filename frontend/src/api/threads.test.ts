import { describe, expect, it } from "vitest";
import type { Run } from "../run/types";
import { createQueryClient } from "./queries";
import { putRun, type ThreadDetail } from "./threads";

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
