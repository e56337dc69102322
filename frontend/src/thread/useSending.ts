import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { ask, cancel } from "../api/threads";
import type { Run } from "../run/types";
import { type Connection, Outgoing, type OutgoingState } from "./outgoing";

/** One for each conversation of this page, and one for new questions: they outlive the views of them. */
const outgoings = new Map<string | null, Outgoing>();

function outgoing(cache: QueryClient, threadId: string | null): Outgoing {
  const known = outgoings.get(threadId);
  if (known !== undefined) return known;
  const one = new Outgoing(threadId, {
    ask: (asking) => ask(cache, asking),
    cancel: (runId) => cancel(cache, runId),
  });
  outgoings.set(threadId, one);
  return one;
}

/** Forgets what was written in a conversation that is gone. */
export function forgetOutgoing(threadId: string): void {
  outgoings.get(threadId)?.write("");
  outgoings.delete(threadId);
}

export interface Sending extends Pick<OutgoingState, "text" | "pending" | "returned" | "problem"> {
  write: (text: string) => void;
  send: () => void;
  ask: (question: string) => void;
  drop: (question: string) => void;
  /** Stops the run that is shown, or the question that is still on its way. */
  stop: () => void;
  stopping: boolean;
}

/** A question's way from the composer to a started run. `running` is the run that the conversation waits for. */
export function useSending(
  connection: Connection,
  threadId: string | null,
  running: string | null,
  onStarted: (run: Run) => void,
): Sending {
  const cache = useQueryClient();
  const out = outgoing(cache, threadId);
  const state = useSyncExternalStore(out.subscribe, () => out.state);
  useEffect(() => out.know(connection), [out, connection]);
  useEffect(() => {
    out.started = onStarted;
    return () => {
      out.started = null;
    };
  });
  useEffect(() => () => out.left(), [out]);
  const { stopping, ...shown } = state;
  return {
    ...shown,
    write: out.write,
    send: out.send,
    ask: out.ask,
    drop: out.drop,
    stop: () => out.stop(running),
    stopping: stopping !== null && stopping === (running ?? (state.pending === null ? null : "")),
  };
}
