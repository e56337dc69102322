import { type RefObject, useEffect, useRef } from "react";
import { Link } from "wouter";
import { useConnections } from "../api/connections";
import { asProblem } from "../api/problem";
import { useThread } from "../api/threads";
import { ConnectionPicker } from "../connections/ConnectionPicker";
import { OfflineStrip } from "../connections/OfflineStrip";
import { blocked } from "../connections/standing";
import { hasEnded } from "../run/reduce";
import { Boundary } from "../ui/Boundary";
import { Notice, Skeleton } from "../ui/Notice";
import { hasKeyboard, scrollBehavior } from "../ui/motion";
import { useShortcuts } from "../ui/shortcuts";
import { useTitle } from "../ui/useTitle";
import { Composer, focusComposer } from "./Composer";
import { ThreadHeader } from "./ThreadHeader";
import { PendingTurn, Turn } from "./Turn";
import { moveTurn } from "./turns";
import { Unsent } from "./Unsent";
import { useSending } from "./useSending";

/** A conversation: its turns, and the composer under them. */
export function ThreadPage({ threadId }: { threadId: string }) {
  const thread = useThread(threadId);
  const connections = useConnections();
  const turns = useRef<HTMLDivElement>(null);

  const runs = thread.data?.runs ?? [];
  const connection = connections.data?.find((one) => one.connection_id === thread.data?.connection_id) ?? null;
  const running = runs.findLast((run) => !hasEnded(run)) ?? null;
  const sending = useSending(thread.data?.connection_id, threadId, running?.run_id ?? null, leaveView);
  const known = thread.data !== undefined && connections.data !== undefined;
  const reason = !known ? null : connection === null ? "Its database was removed." : blocked(connection);
  const busy = running !== null || sending.pending !== null;
  const onStop = busy ? sending.stop : null;
  const onAsk = busy || reason !== null ? null : askHere;

  /** What was pressed to ask can be pressed no more: the caret goes where the next question is written. */
  function askHere(question: string) {
    sending.ask(question);
    if (hasKeyboard()) focusComposer();
  }

  useTitle(thread.data?.title);
  useScrollToTurn(turns, runs.length, sending.pending !== null);
  useShortcuts({ ".": () => onStop?.(), j: () => moveTurn(1), k: () => moveTurn(-1), "/": focusComposer });

  const problem = thread.error === null ? null : asProblem(thread.error);
  // One that is gone is gone, also where it was being read.
  if (problem !== null && (thread.data === undefined || problem.status === 404)) {
    return (
      <div className="mx-auto w-full max-w-reading p-6">
        <Notice
          tone="bad"
          title={problem.status === 404 ? "This conversation does not exist, or is another tenant's." : problem.message}
        >
          {problem.hint}{" "}
          <Link href="/" className="text-cobalt underline underline-offset-2">
            Ask a new question
          </Link>
        </Notice>
      </div>
    );
  }
  return (
    <div className="flex h-full flex-col">
      <OfflineStrip connection={connection} />
      {/* The composer stands below what scrolls, never over it: nothing focused is hidden behind it. */}
      <div className="relative min-h-0 grow overflow-y-auto [container-type:size]">
        <div className="mx-auto w-full max-w-reading px-6 max-md:px-4">
          {thread.data !== undefined && <ThreadHeader key={threadId} thread={thread.data} />}
          {/* Room under a follow-up, so that it can stand at the top while its answer grows. */}
          <div
            ref={turns}
            className={runs.length + (sending.pending === null ? 0 : 1) > 1 ? "*:last:min-h-[calc(100cqh-8px)]" : ""}
          >
            {thread.isPending && (
              <div className="py-6">
                <Skeleton className="h-8 w-2/3" />
                <Skeleton className="mt-4 h-24" />
              </div>
            )}
            {runs.map((run) => (
              <Boundary key={run.run_id} what="This turn">
                <Turn run={run} limit={connection?.agent.limits?.rows ?? null} onAsk={onAsk} />
              </Boundary>
            ))}
            {sending.pending !== null && <PendingTurn question={sending.pending} />}
          </div>
        </div>
      </div>
      <div className="mx-auto w-full max-w-reading shrink-0 px-6 pb-4 max-md:px-4 max-md:pb-2">
        <div className="pb-2 empty:hidden">
          <Unsent sending={sending} askable={onAsk !== null} />
        </div>
        <Composer
          text={sending.text}
          onText={sending.write}
          onSend={sending.send}
          onStop={onStop}
          stopping={sending.stopping}
          blocked={busy ? null : reason}
          placeholder="Ask a follow-up"
        >
          {connection !== null && <ConnectionPicker connection={connection} onChoose={null} />}
        </Composer>
      </div>
    </div>
  );
}

/** The address named a view of an earlier turn; what is looked at now is the new one. */
function leaveView() {
  history.replaceState(history.state, "", location.pathname);
}

/** Opens at the turn that the address names, or the last; follows to a new one when it is asked. */
function useScrollToTurn(place: RefObject<HTMLElement | null>, count: number, pending: boolean): void {
  const opened = useRef(false);
  useEffect(() => {
    const list = place.current;
    if (list === null || count === 0) return;
    const named = opened.current ? null : new URLSearchParams(location.search).get("run");
    const target = named === null ? list.lastElementChild : list.querySelector(`[data-run="${CSS.escape(named)}"]`);
    if (!opened.current && count === 1 && named === null) {
      opened.current = true;
      return;
    }
    target?.scrollIntoView({ block: "start", behavior: opened.current ? scrollBehavior() : "auto" });
    opened.current = true;
  }, [place, count, pending]);
}
