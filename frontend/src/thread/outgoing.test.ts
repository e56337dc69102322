import { afterEach, describe, expect, it, vi } from "vitest";
import { ApiProblem } from "../api/problem";
import type { Asking } from "../api/threads";
import type { Run } from "../run/types";
import { Outgoing } from "./outgoing";

/** A backend that answers when the test says so. */
class Backend {
  asked: Asking[] = [];
  cancelled: string[] = [];
  private settle: { resolve: (run: Run) => void; reject: (error: unknown) => void }[] = [];
  readonly ask = (asking: Asking) => {
    this.asked.push(asking);
    return new Promise<Run>((resolve, reject) => this.settle.push({ resolve, reject }));
  };
  readonly cancel = (runId: string) => {
    this.cancelled.push(runId);
    return Promise.resolve();
  };
  async start(runId: string) {
    this.settle.shift()?.resolve({ run_id: runId, thread_id: "thr_1" } as Run);
    await Promise.resolve();
    await Promise.resolve();
  }
  async fail(status: number) {
    this.settle.shift()?.reject(new ApiProblem(status, "trouble", "No."));
    await Promise.resolve();
    await Promise.resolve();
  }
}

let serial = 0;
/** A conversation that no other test knows. */
function begin({ known = true } = {}) {
  const backend = new Backend();
  const threadId = `thr_${++serial}`;
  const out = new Outgoing(threadId, backend);
  if (known) out.know("conn_1");
  return { backend, out, threadId, again: () => new Outgoing(threadId, backend) };
}
function say(out: Outgoing, text: string) {
  out.write(text);
  out.send();
}

afterEach(() => vi.unstubAllGlobals());

describe("a question on its way", () => {
  it("is shown at once, and gone when its run has started", async () => {
    const { backend, out } = begin();
    out.started = vi.fn();
    say(out, " How many? ");
    expect(out.state).toMatchObject({ pending: "How many?", text: "" });
    await backend.start("run_1");
    expect(out.state.pending).toBeNull();
    expect(out.started).toHaveBeenCalledWith(expect.objectContaining({ run_id: "run_1" }));
  });

  it("is asked as soon as its connection is known, and can be stopped then too", async () => {
    const { backend, out } = begin({ known: false });
    say(out, "How many?");
    expect(backend.asked).toEqual([]);
    out.know("conn_1");
    out.stop(null);
    expect(out.state.stopping).toBe("");
    await backend.start("run_1");
    expect(backend.cancelled).toEqual(["run_1"]);
    expect(out.state).toMatchObject({ pending: null, text: "" });
  });

  it("comes back when it was stopped, or left, before its connection was known", () => {
    for (const end of [(out: Outgoing) => out.stop(null), (out: Outgoing) => out.left()]) {
      const { backend, out } = begin({ known: false });
      say(out, "How many?");
      end(out);
      out.know("conn_1");
      expect(out.state).toMatchObject({ pending: null, text: "How many?" });
      expect(backend.asked).toEqual([]);
    }
  });

  it("is stopped, or comes back, also when nobody looks any more", async () => {
    const { backend, out } = begin();
    say(out, "First?");
    out.stop(null);
    out.left();
    await backend.start("run_1");
    expect(backend.cancelled).toEqual(["run_1"]);
    out.know("conn_1");
    say(out, "Second?");
    out.left();
    await backend.fail(422);
    expect(out.state).toMatchObject({ pending: null, text: "Second?" });
    expect(out.state.problem?.message).toBe("No.");
  });

  it("that fails is kept beside what was begun meanwhile, and neither is lost", async () => {
    const { backend, out } = begin();
    say(out, "First?");
    out.write("Sec");
    await backend.fail(422);
    expect(out.state).toMatchObject({ text: "Sec", returned: ["First?"] });
    out.ask("First?");
    expect(out.state).toMatchObject({ text: "Sec", returned: [], pending: "First?" });
  });

  it("that was tapped leaves what is being written alone", async () => {
    const { backend, out } = begin();
    out.write("Half a sen");
    out.ask("Number of orders");
    expect(out.state.text).toBe("Half a sen");
    await backend.start("run_1");
    expect(out.state.text).toBe("Half a sen");
  });

  it("keeps its idempotency key when no answer came, and only then", async () => {
    const { backend, out } = begin();
    say(out, "How many?");
    await backend.fail(0);
    out.send();
    expect(backend.asked[1]?.key).toBe(backend.asked[0]?.key);
    await backend.fail(422);
    out.send();
    expect(backend.asked[2]?.key).not.toBe(backend.asked[0]?.key);
    await backend.fail(0);
    say(out, "How few?");
    expect(backend.asked[3]?.key).not.toBe(backend.asked[2]?.key);
  });
});

describe("what is being written", () => {
  it("is there again in a new page, with the question that had not gone out", async () => {
    const { backend, out, again } = begin();
    out.write("Half a sen");
    expect(again().state.text).toBe("Half a sen");
    out.send();
    expect(again().state.text).toBe("Half a sen");
    await backend.start("run_1");
    expect(again().state.text).toBe("");
  });
});
