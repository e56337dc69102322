import { useRef, useState } from "react";
import type { ApiProblem } from "../api/problem";
import { useAsk, useCancel } from "../api/queries";
import type { Run } from "../run/types";

export interface Sending {
  text: string;
  setText: (text: string) => void;
  /** The question that is on its way: shown at once, before the backend has answered. */
  pending: string | null;
  problem: ApiProblem | null;
  stopping: boolean;
  send: (question: string) => void;
  /** Stops the run, or the question that is still on its way. */
  stop: (runId: string | null) => void;
}

/** A question's way from the composer to a started run. What fails comes back into the composer. */
export function useSending(
  connectionId: string | null,
  threadId: string | null,
  onStarted: (run: Run) => void,
): Sending {
  const [text, setText] = useState("");
  const [pending, setPending] = useState<string | null>(null);
  const [stoppingRun, setStoppingRun] = useState<string | null>(null);
  const stopWanted = useRef(false);
  const ask = useAsk();
  const cancel = useCancel();

  function stop(runId: string | null) {
    // The run is not known yet: it is stopped as soon as it is.
    if (runId === null) stopWanted.current = true;
    else cancel.mutate(runId);
    setStoppingRun(runId ?? "");
  }

  function send(question: string) {
    const trimmed = question.trim();
    if (connectionId === null || trimmed === "" || pending !== null) return;
    stopWanted.current = false;
    setStoppingRun(null);
    setPending(trimmed);
    setText("");
    cancel.reset();
    const key = newKey();
    ask.mutate(
      { connectionId, threadId, question: trimmed, key },
      {
        onSuccess(run) {
          if (stopWanted.current) stop(run.run_id);
          setPending(null);
          onStarted(run);
        },
        onError() {
          setPending(null);
          setStoppingRun(null);
          setText((typed) => (typed === "" ? trimmed : typed));
        },
      },
    );
  }

  return {
    text,
    setText,
    pending,
    problem: ask.error ?? cancel.error,
    stopping: stoppingRun !== null && cancel.error === null,
    send,
    stop,
  };
}

/** A key that no other sending has; `randomUUID` exists only on secure pages. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
