/**
 * The fold law in the browser: the same function as graph/fold.py, so that a reload and a live view never differ.
 *
 * Pure: times come from the events, never from the clock. Text that is still being written is no part of the
 * record; see live.ts.
 */
import type { Attempt, Run, RunEvent, RunStatus } from "./types";

const TERMINAL: ReadonlySet<RunStatus> = new Set(["succeeded", "refused", "clarify", "failed", "cancelled"]);

/** True when nothing can follow any more. */
export function hasEnded(run: Run | null): boolean {
  return run !== null && TERMINAL.has(run.status);
}

/** The run after one more event; `null` before the first. Throws on an order that no backend may send. */
export function reduce(run: Run | null, event: RunEvent): Run {
  if (run === null) {
    if (event.type !== "run_started") throw new Error(`A run's first event is run_started, not ${event.type}.`);
    return {
      run_id: event.run_id,
      thread_id: event.thread_id,
      connection_id: event.connection_id,
      agent_id: event.agent_id,
      status: "running",
      question: event.question,
      standalone_question: null,
      attempts: [],
      answer: null,
      refusal: null,
      clarification: null,
      problem: null,
      receipt: null,
      timings: [],
      usage: { input_tokens: 0, output_tokens: 0, model_calls: 0 },
      created_at: event.at,
      finished_at: null,
      events: [event],
      last_event_id: 1,
    };
  }
  if (TERMINAL.has(run.status)) throw new Error(`The run has ended as ${run.status}; ${event.type} cannot follow.`);
  const isDelta = event.type === "sql_delta" || event.type === "answer_delta";
  return {
    ...run,
    ...change(run, event),
    events: isDelta ? run.events : [...run.events, event],
    last_event_id: run.last_event_id + 1,
  };
}

function change(run: Run, event: RunEvent): Partial<Run> {
  switch (event.type) {
    case "run_started":
      throw new Error("A run starts once.");
    case "step_started": {
      const timing = { step: event.step, started_at: event.at, elapsed_ms: null, detail: "" };
      return { timings: [...run.timings, timing] };
    }
    case "step_finished":
      return finishStep(run, event);
    case "drafted":
    case "repaired": {
      const attempt: Attempt = {
        number: event.attempt,
        sql: event.sql,
        origin: event.origin,
        changes: event.changes,
        verdict: null,
        findings: [],
        outcome: null,
      };
      // A resumed run may write the attempt that its predecessor was writing: same number, the last one holds.
      const attempts = [...run.attempts.filter((known) => known.number !== event.attempt), attempt];
      return event.type === "drafted" && event.standalone_question !== null
        ? { attempts, standalone_question: event.standalone_question }
        : { attempts };
    }
    case "linted":
      return updateAttempt(run, event.attempt, { verdict: event.verdict, findings: event.findings });
    case "executed":
      return updateAttempt(run, event.attempt, { outcome: event.outcome });
    case "answered":
      return { status: "succeeded", finished_at: event.at, answer: event.answer, receipt: event.receipt };
    case "refused":
      return { status: "refused", finished_at: event.at, refusal: event.refusal };
    case "clarified":
      return { status: "clarify", finished_at: event.at, clarification: event.clarification };
    case "run_failed":
      return { status: "failed", finished_at: event.at, problem: event.problem };
    case "run_cancelled":
      return { status: "cancelled", finished_at: event.at };
    default:
      // Deltas, `executing`, `run_resumed`, and whatever a newer backend tells: counted, and kept with the events.
      return {};
  }
}

/** Close the latest open timing of the step: a step may be done several times in a run. */
function finishStep(run: Run, event: Extract<RunEvent, { type: "step_finished" }>): Partial<Run> {
  const place = run.timings.findLastIndex((timing) => timing.step === event.step && timing.elapsed_ms === null);
  const used = event.usage;
  return {
    timings: run.timings.map((timing, index) =>
      index === place ? { ...timing, elapsed_ms: event.elapsed_ms, detail: event.detail } : timing,
    ),
    usage: {
      input_tokens: run.usage.input_tokens + (used?.input_tokens ?? 0),
      output_tokens: run.usage.output_tokens + (used?.output_tokens ?? 0),
      model_calls: run.usage.model_calls + (used?.model_calls ?? 0),
    },
  };
}

function updateAttempt(run: Run, number: number, update: Partial<Attempt>): Partial<Run> {
  return { attempts: run.attempts.map((known) => (known.number === number ? { ...known, ...update } : known)) };
}
