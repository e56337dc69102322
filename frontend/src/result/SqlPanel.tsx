import type { Answer, Receipt } from "../run/types";
import { instant } from "../lib/format";
import { SqlCode } from "./SqlCode";

/** The statement that made a result, and what it takes to make it again. */
export function SqlPanel({ answer, receipt }: { answer: Answer; receipt: Receipt | null }) {
  return (
    <div className="px-4 py-4" data-testid="sql-panel">
      <SqlCode sql={answer.sql} />
      {receipt !== null && (
        <details className="mt-4 border-t border-line pt-3 text-12 text-ink-2">
          <summary className="w-fit cursor-pointer rounded-control">
            Receipt: what it takes to run this again and compare
          </summary>
          <dl className="mt-2 grid grid-cols-[max-content_minmax(0,1fr)] gap-x-4 gap-y-1">
            <Fact name="Executed">{instant(receipt.executed_at)}</Fact>
            <Fact name="Result SHA-256">{receipt.result_digest}</Fact>
            <Fact name="Snapshot">{receipt.snapshot_fingerprint}</Fact>
            <Fact name="Policy">{receipt.policy_digest}</Fact>
            {receipt.model !== "" && <Fact name="Model">{receipt.model}</Fact>}
          </dl>
        </details>
      )}
    </div>
  );
}

function Fact({ name, children }: { name: string; children: string }) {
  return (
    <>
      <dt className="text-ink-3">{name}</dt>
      <dd className="font-mono wrap-anywhere">{children === "" ? "none" : children}</dd>
    </>
  );
}
