import { Link, useLocation } from "wouter";
import { useConnections, useSuggestions } from "../api/connections";
import { asProblem } from "../api/problem";
import { useThreads } from "../api/threads";
import type { Connection } from "../api/types";
import { useLastError } from "../api/useLastError";
import { ConnectionPicker } from "../connections/ConnectionPicker";
import { OfflineStrip } from "../connections/OfflineStrip";
import { blocked } from "../connections/standing";
import { useChosenConnection } from "../connections/useChosenConnection";
import { moment } from "../lib/format";
import { Notice, Skeleton } from "../ui/Notice";
import { useShortcuts } from "../ui/shortcuts";
import { Composer, focusComposer } from "./Composer";
import { PendingTurn } from "./Turn";
import { Unsent } from "./Unsent";
import { useSending } from "./useSending";

/** The first page: a question, the database it goes to, and questions that this database can answer. */
export function AskPage() {
  const connections = useConnections();
  const { connection, gone, choose } = useChosenConnection();
  const [, navigate] = useLocation();
  const unlisted = useUnlisted(connections);
  const known = connections.data !== undefined || unlisted !== null;
  const sending = useSending(known ? (connection?.connection_id ?? null) : undefined, null, null, (run) =>
    navigate(`/t/${run.thread_id}`),
  );
  const reason = unlisted !== null ? "The databases cannot be listed." : known ? blocked(connection) : null;
  const onStop = sending.pending === null ? null : sending.stop;
  useShortcuts({ ".": () => onStop?.(), "/": focusComposer });

  const composer = (
    <Composer
      large={sending.pending === null}
      text={sending.text}
      onText={sending.write}
      onSend={sending.send}
      onStop={onStop}
      stopping={sending.stopping}
      blocked={reason}
      placeholder={connection === null ? "Ask about your data" : `Ask ${connection.name}`}
    >
      {connection !== null && <ConnectionPicker connection={connection} onChoose={choose} />}
    </Composer>
  );

  if (sending.pending !== null) {
    return (
      <div className="mx-auto flex h-full w-full max-w-reading flex-col px-6 max-md:px-4">
        <h1 className="sr-only">{sending.pending}</h1>
        <div className="relative min-h-0 grow overflow-y-auto pt-12">
          <PendingTurn question={sending.pending} />
        </div>
        <div className="shrink-0 pb-4 max-md:pb-2">{composer}</div>
      </div>
    );
  }
  return (
    <div className="min-h-full">
      <OfflineStrip connection={connection} />
      <div className="mx-auto w-full max-w-reading px-6 pt-[14vh] pb-12 max-md:px-4 max-md:pt-8">
        <h1 className="mb-6 text-30 font-semibold tracking-[-0.018em] text-balance max-md:text-22">
          What do you want to know?
        </h1>
        {connections.data?.length === 0 ? <NoConnection /> : composer}
        <div className="mt-3 space-y-2 empty:hidden">
          {gone !== null && connection !== null && (
            <Notice tone="warm" testId="database-gone" title={`${gone} is no longer connected.`}>
              Questions go to {connection.name} now.
            </Notice>
          )}
          {unlisted !== null && (
            <Notice tone="bad" testId="unlisted" title={unlisted.message}>
              {unlisted.hint}
            </Notice>
          )}
          <Unsent sending={sending} askable={reason === null} />
        </div>
        {connection !== null && <Suggested connection={connection} onAsk={reason === null ? sending.ask : null} />}
        <Recent />
      </div>
    </div>
  );
}

/** Why the databases are not known; null while they are, or where the page as a whole says it. */
function useUnlisted(connections: ReturnType<typeof useConnections>) {
  const error = useLastError(connections);
  if (error === null || connections.data !== undefined) return null;
  const problem = asProblem(error);
  return problem.isUnreachable || problem.needsKey ? null : problem;
}

function NoConnection() {
  return (
    <Notice title="No database is connected yet.">
      <Link href="/start" className="text-cobalt underline underline-offset-2">
        Connect one
      </Link>
      : it takes one command beside the database.
    </Notice>
  );
}

function Suggested({ connection, onAsk }: { connection: Connection; onAsk: ((question: string) => void) | null }) {
  const suggestions = useSuggestions(connection.connection_id, connection.fingerprint);
  const questions = suggestions.data ?? [];
  if (suggestions.isPending) {
    return (
      <div className="mt-8 grid gap-2 md:grid-cols-2">
        {Array.from({ length: 6 }, (_, place) => (
          <Skeleton key={place} className="h-11" />
        ))}
      </div>
    );
  }
  if (questions.length === 0) return null;
  return (
    <section aria-labelledby="suggested" className="mt-8">
      <h2 id="suggested" className="text-12 text-ink-3">
        Questions this database can answer
      </h2>
      <ul data-testid="suggestions" className="mt-2 grid border-t border-line md:grid-cols-2 md:gap-x-6">
        {questions.map((question) => (
          <li key={question} className="border-b border-line">
            <button
              type="button"
              disabled={onAsk === null}
              onClick={() => onAsk?.(question)}
              className="group flex min-h-11 w-full items-center gap-3 rounded-control py-2 text-left text-ink transition-colors hover:text-cobalt disabled:text-ink-3"
            >
              <span dir="auto" className="grow text-pretty wrap-anywhere">
                {question}
              </span>
              <span
                aria-hidden="true"
                className="text-ink-3 opacity-0 transition-opacity group-hover:opacity-100 group-disabled:opacity-0"
              >
                →
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** On narrow screens, where the sidebar is a sheet. */
function Recent() {
  const threads = useThreads();
  const recent = (threads.data ?? []).slice(0, 4);
  if (recent.length === 0) return null;
  return (
    <section aria-labelledby="recent" className="mt-8 md:hidden">
      <h2 id="recent" className="text-12 text-ink-3">
        Recent
      </h2>
      <ul className="mt-2 border-t border-line">
        {recent.map((thread) => (
          <li key={thread.thread_id} className="border-b border-line">
            <Link href={`/t/${thread.thread_id}`} className="flex min-h-11 items-center gap-3">
              <span dir="auto" className="min-w-0 grow truncate">
                {thread.title}
              </span>
              <span className="text-12 text-ink-3">{moment(thread.updated_at, new Date())}</span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}
