import type { ReactNode } from "react";
import { Button } from "../ui/Button";
import { Notice } from "../ui/Notice";
import type { Sending } from "./useSending";

/** Why a question was not asked, and the questions that found no room in the composer when they came back. */
export function Unsent({ sending, askable }: { sending: Sending; askable: boolean }): ReactNode {
  const { problem, returned } = sending;
  if (problem === null && returned.length === 0) return null;
  return (
    <Notice tone="bad" testId="ask-problem" title={problem === null ? "Not asked yet." : problem.message}>
      {problem?.hint}
      {returned.map((question) => (
        <div key={question} data-testid="unsent" className="mt-2">
          <p dir="auto" className="text-ink wrap-anywhere">
            {question}
          </p>
          <div className="mt-1 -ml-3 flex">
            <Button look="link" disabled={!askable} onClick={() => sending.ask(question)}>
              Ask this
            </Button>
            <Button look="quiet" onClick={() => sending.drop(question)}>
              Leave it
            </Button>
          </div>
        </div>
      ))}
    </Notice>
  );
}
