import { useQueryClient } from "@tanstack/react-query";
import { putRun } from "../api/threads";
import { moment } from "../lib/format";
import { RunView } from "../run/RunView";
import type { Run } from "../run/types";
import { useRun } from "../run/useRun";
import { Skeleton } from "../ui/Notice";

/** A turn's question. J and K move between these. */
export function Question({ text, at }: { text: string; at: string | null }) {
  return (
    <header>
      <h2
        data-turn=""
        dir="auto"
        tabIndex={-1}
        className="scroll-mt-6 rounded-control text-22 font-semibold tracking-[-0.018em] whitespace-pre-line text-balance wrap-anywhere"
      >
        {text}
      </h2>
      {at !== null && (
        <time dateTime={at} className="text-12 text-ink-3">
          {moment(at, new Date())}
        </time>
      )}
    </header>
  );
}

/** A question that is still on its way to the backend. */
export function PendingTurn({ question }: { question: string }) {
  return (
    <article data-testid="turn" data-status="queued" aria-busy="true" className="py-6">
      <Question text={question} at={null} />
      <Skeleton className="mt-4 h-6 w-40" />
    </article>
  );
}

interface Props {
  run: Run;
  limit: number | null;
  onAsk: ((question: string) => void) | null;
}

/** A question with its run. */
export function Turn({ run: known, limit, onAsk }: Props) {
  const cache = useQueryClient();
  const watched = useRun(known, (run) => {
    putRun(cache, run, { create: false });
    void cache.invalidateQueries({ queryKey: ["threads"] });
  });
  const run = watched.run ?? known;
  return (
    <article
      data-testid="turn"
      data-run={run.run_id}
      data-status={run.status}
      className="border-b border-line py-6 first:pt-1 last:border-b-0"
    >
      <Question text={run.question} at={run.created_at} />
      <RunView watched={watched} run={run} limit={limit} onAsk={onAsk} />
    </article>
  );
}
