import type { ReactNode } from "react";
import { duration } from "../lib/format";
import { Button } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { Icon } from "../ui/Icon";
import type { Clarification, Problem, Refusal, Run } from "./types";

type Ask = ((question: string) => void) | null;

const REFUSALS: Record<Refusal["reason"], string> = {
  not_permitted: "Not permitted",
  not_in_data: "Not in this data",
  not_a_question: "Not a question about this data",
};

function Ending({
  id,
  title,
  bad = false,
  children,
}: {
  id: string;
  title: string;
  bad?: boolean;
  children: ReactNode;
}) {
  return (
    <div
      role="group"
      data-testid={id}
      aria-label={title}
      className={`mt-4 animate-settle rounded-card border bg-surface p-4 ${bad ? "border-bad" : "border-line"}`}
    >
      <h3 className={`text-12 font-medium ${bad ? "text-bad" : "text-ink-3"}`}>{title}</h3>
      {children}
    </div>
  );
}

/** An honest no, and which of the three kinds it is. */
export function Refused({ refusal }: { refusal: Refusal }) {
  return (
    <Ending id="refused" title={REFUSALS[refusal.reason]}>
      <p dir="auto" className="mt-1 max-w-[66ch] text-16 wrap-anywhere">
        {refusal.message}
      </p>
      {refusal.missing.length > 0 && (
        <p className="mt-2 text-13 text-ink-2 wrap-anywhere">
          Nothing was found for {refusal.missing.map((word) => `“${word}”`).join(", ")}.
        </p>
      )}
      {refusal.hint !== "" && <p className="mt-2 text-13 text-ink-2 wrap-anywhere">{refusal.hint}</p>}
    </Ending>
  );
}

/** One question back: tap a reading, or write another below. */
export function Clarified({ clarification, onAsk }: { clarification: Clarification; onAsk: Ask }) {
  return (
    <Ending id="clarify" title="Which do you mean?">
      <p dir="auto" className="mt-1 max-w-[66ch] text-16 wrap-anywhere">
        {clarification.question}
      </p>
      <div className="mt-3 flex flex-wrap gap-2">
        {clarification.options.map((option) => (
          <button
            key={option}
            type="button"
            dir="auto"
            disabled={onAsk === null}
            onClick={() => onAsk?.(option)}
            className="rounded-control border border-control px-3 py-1.5 text-left text-13 transition-colors hover:bg-hover disabled:border-line disabled:text-ink-3 max-md:min-h-11"
          >
            {option}
          </button>
        ))}
      </div>
      <p className="mt-2 text-12 text-ink-3">Or say it in your own words below.</p>
    </Ending>
  );
}

/** What happened, what to do, and the id by which others can look it up. */
export function FailedRun({ run, problem, onAsk }: { run: Run; problem: Problem; onAsk: Ask }) {
  return (
    <Ending id="failed" title="No answer" bad>
      <p dir="auto" className="mt-1 max-w-[66ch] text-16 wrap-anywhere">
        {problem.message}
      </p>
      {problem.hint !== "" && <p className="mt-1 max-w-[66ch] text-ink-2 wrap-anywhere">{problem.hint}</p>}
      <div className="mt-3 flex flex-wrap items-center gap-2">
        <AskAgain run={run} onAsk={onAsk} />
        <span className="flex items-center text-12 text-ink-3">
          <code className="wrap-anywhere">{run.run_id}</code>
          <CopyButton label="Copy run id" square text={() => run.run_id} />
        </span>
      </div>
    </Ending>
  );
}

/** Stop means stopped: and the database's own word for it, when it was asked. */
export function Cancelled({ run, onAsk }: { run: Run; onAsk: Ask }) {
  const event = run.events.findLast((one) => one.type === "run_cancelled");
  const ms = event?.database_ms ?? null;
  return (
    <Ending id="cancelled" title="Stopped">
      <p className="mt-1 text-16">
        {ms === null ? "Stopped. Nothing was running in Postgres." : `Cancelled in Postgres after ${duration(ms)}.`}
      </p>
      {event !== undefined && event.reason !== "" && (
        <p className="mt-1 text-13 text-ink-2 wrap-anywhere">{event.reason}</p>
      )}
      <div className="mt-3">
        <AskAgain run={run} onAsk={onAsk} />
      </div>
    </Ending>
  );
}

function AskAgain({ run, onAsk }: { run: Run; onAsk: Ask }) {
  return (
    <Button disabled={onAsk === null} onClick={() => onAsk?.(run.question)}>
      <Icon name="retry" />
      Ask again
    </Button>
  );
}
