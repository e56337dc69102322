import { useEffect, useRef, useState } from "react";
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

/**
 * A question's way from the composer to a started run. What fails comes back into the composer.
 *
 * `connectionId` is undefined until it is known: what is sent so early goes out as soon as it is, and comes back when
 * it turns out that there is none (null).
 */
export function useSending(
  connectionId: string | null | undefined,
  threadId: string | null,
  onStarted: (run: Run) => void,
): Sending {
  const [text, setText] = useState("");
  const [pending, setPending] = useState<string | null>(null);
  const [early, setEarly] = useState(false);
  const [stoppingRun, setStoppingRun] = useState<string | null>(null);
  const stopWanted = useRef(false);
  const ask = useAsk();
  const cancel = useCancel();

  useEffect(() => {
    if (!early || pending === null || connectionId === undefined) return;
    setEarly(false);
    if (connectionId === null) giveBack(pending);
    else start(connectionId, pending);
    // What is waited for is the connection; the functions' identities say nothing.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [early, pending, connectionId]);

  function stop(runId: string | null) {
    if (early && pending !== null) {
      setEarly(false);
      giveBack(pending);
      return;
    }
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
    if (connectionId === undefined) setEarly(true);
    else start(connectionId, trimmed);
  }

  function start(connection: string, question: string) {
    ask.mutate(
      { connectionId: connection, threadId, question, key: newKey() },
      {
        onSuccess(run) {
          if (stopWanted.current) stop(run.run_id);
          setPending(null);
          onStarted(run);
        },
        onError() {
          setStoppingRun(null);
          giveBack(question);
        },
      },
    );
  }

  function giveBack(question: string) {
    setPending(null);
    setText((typed) => (typed === "" ? question : typed));
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
