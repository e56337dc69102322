import { useEffect, useRef } from "react";
import { duration } from "../lib/format";
import { ResultCard } from "../result/ResultCard";
import { useAnnounce } from "../ui/Announcer";
import { CopyButton } from "../ui/CopyButton";
import { Notice } from "../ui/Notice";
import { Cancelled, Clarified, FailedRun, Refused } from "./Endings";
import { Rail } from "./Rail";
import { railRows } from "./rail";
import type { Rows, Run } from "./types";
import type { WatchedRun } from "./watches";

interface Props {
  watched: WatchedRun;
  run: Run;
  /** The owner's cap on rows; null when unknown. */
  limit: number | null;
  /** Asks in the same thread; null while that cannot be done. */
  onAsk: ((question: string) => void) | null;
}

/** All that a run shows under its question: the steps, and whatever it ended in. */
export function RunView({ watched, run, limit, onAsk }: Props) {
  useProgressAnnounced(run);
  const { answer } = run;
  return (
    <>
      {run.standalone_question !== null && run.standalone_question !== run.question && (
        <p className="mt-1 text-13 text-ink-3">Read as: {run.standalone_question}</p>
      )}
      <Rail live={watched} run={run} />
      {watched.link === "reconnecting" && watched.problem === null && (
        <p data-testid="reconnecting" className="mt-3 text-13 text-ink-2">
          Reconnecting. The question goes on for a while without this page.
        </p>
      )}
      {watched.problem !== null && (
        <div className="mt-3">
          <Notice tone="bad" title={watched.problem.message}>
            {watched.problem.hint || "Reload the page to try again."}
          </Notice>
        </div>
      )}
      {answer === null && watched.answer !== "" && (
        <p dir="auto" className="mt-4 max-w-[66ch] text-16 text-ink-2">
          {watched.answer}
        </p>
      )}
      {answer !== null && (
        <div className="animate-settle">
          <p dir="auto" data-testid="answer" className="mt-4 max-w-[66ch] text-16 whitespace-pre-line wrap-anywhere">
            {answer.text}
          </p>
          <Trust run={run} />
          <ResultCard
            runId={run.run_id}
            answer={answer}
            withheld={lastRows(run)?.withheld ?? false}
            receipt={run.receipt}
            databaseMs={lastRows(run)?.elapsed_ms ?? null}
            limit={limit}
          />
          <div className="mt-2 -ml-3 flex">
            <CopyButton label="Copy answer" text={() => answer.text} />
          </div>
        </div>
      )}
      {run.refusal !== null && <Refused refusal={run.refusal} />}
      {run.clarification !== null && <Clarified clarification={run.clarification} onAsk={onAsk} />}
      {run.problem !== null && <FailedRun run={run} problem={run.problem} onAsk={onAsk} />}
      {run.status === "cancelled" && <Cancelled run={run} onAsk={onAsk} />}
    </>
  );
}

const LEVELS = { high: "", medium: "Worth a check", low: "Uncertain" };

/** What was taken for granted, and how far the answer can be trusted. */
function Trust({ run }: { run: Run }) {
  const { answer } = run;
  if (answer === null) return null;
  const doubt = answer.confidence === null ? "" : LEVELS[answer.confidence.level];
  if (answer.assumptions.length === 0 && doubt === "" && answer.verified_by === null) return null;
  return (
    <ul aria-label="Assumptions and confidence" className="mt-3 flex flex-wrap gap-2 text-12">
      {answer.verified_by !== null && (
        <li className="rounded-control bg-ok-tint px-2 py-1 text-ok">Verified by {answer.verified_by}</li>
      )}
      {doubt !== "" && (
        <li className="rounded-control bg-custard-tint px-2 py-1 text-caramel">
          {[doubt, ...(answer.confidence?.reasons ?? [])].join(": ")}
        </li>
      )}
      {answer.assumptions.map((assumption) => (
        <li
          key={assumption}
          dir="auto"
          data-testid="assumption"
          className="rounded-control border border-line bg-surface px-2 py-1 text-ink-2"
        >
          {assumption}
        </li>
      ))}
    </ul>
  );
}

/** The outcome that the answer is made of. */
function lastRows(run: Run): Rows | null {
  const outcome = run.attempts.findLast((attempt) => attempt.outcome?.kind === "rows")?.outcome;
  return outcome?.kind === "rows" ? outcome : null;
}

/** Tells screen readers of each finished step and of the end; what had happened before we looked is not news. */
function useProgressAnnounced(run: Run): void {
  const announce = useAnnounce();
  const seen = useRef<{ steps: number; over: boolean } | null>(null);
  useEffect(() => {
    const done = railRows(run).filter((row) => row.elapsedMs !== null);
    const over = run.finished_at !== null;
    const before = seen.current;
    seen.current = { steps: done.length, over };
    if (before === null || before.over) return;
    const news = done
      .slice(before.steps)
      .map((row) => `${row.label} ${row.state === "failed" ? "failed" : "done"}, ${duration(row.elapsedMs ?? 0)}.`);
    if (over) announce(ending(run));
    else if (news.length > 0) announce(news.join(" "));
  }, [run, announce]);
}

function ending(run: Run): string {
  if (run.answer !== null) return run.answer.text;
  if (run.refusal !== null) return run.refusal.message;
  if (run.clarification !== null) return run.clarification.question;
  if (run.problem !== null) return run.problem.message;
  return "Stopped.";
}
