import { useMemo, useState } from "react";
import { count, duration } from "../lib/format";
import type { Answer, Receipt } from "../run/types";
import { Button } from "../ui/Button";
import { CopyButton } from "../ui/CopyButton";
import { Notice } from "../ui/Notice";
import { type Tab, tabPanel, Tabs } from "../ui/Tabs";
import { ChartPanel, MOST_DRAWN } from "./ChartPanel";
import { toMarkdown, toTsv } from "./copies";
import { DownloadMenu } from "./DownloadMenu";
import { type Sort, sorted } from "./order";
import { ResultTable } from "./ResultTable";
import { SqlPanel } from "./SqlPanel";
import { type CardTab, useCardTab } from "./useCardTab";
import { useWholeResult, type WholeResult } from "./useWholeResult";

const TABS: Tab<CardTab>[] = [
  { name: "chart", label: "Chart" },
  { name: "table", label: "Table" },
  { name: "sql", label: "SQL" },
];

interface Props {
  runId: string;
  answer: Answer;
  /** The owner's policy keeps the values: there are columns and a number of rows, and no more. */
  withheld: boolean;
  receipt: Receipt | null;
  /** Milliseconds that the statement took in the database. */
  databaseMs: number | null;
  /** The owner's cap on rows; null when unknown. */
  limit: number | null;
}

/** An answer's result: chart, table and the SQL that made it. */
export function ResultCard({ runId, answer, withheld, receipt, databaseMs, limit }: Props) {
  const drawable = answer.chart.kind !== "none" && answer.row_count > 0 && !withheld;
  const [tab, setTab] = useCardTab(runId, drawable ? "chart" : "table");
  const [sort, setSort] = useState<Sort | null>(null);
  const [all, setAll] = useState(false);
  const forChart = drawable && answer.chart.kind !== "number" && answer.row_count <= MOST_DRAWN && tab === "chart";
  const result = useWholeResult(runId, answer, !withheld && (all || forChart));
  const id = `card-${runId}`;

  return (
    <div
      role="group"
      aria-label="Result"
      data-testid="result-card"
      className="mt-4 overflow-hidden rounded-card border border-line bg-surface shadow-card"
    >
      <div className="border-b border-line px-3">
        <Tabs id={id} label="Result as" tabs={TABS} current={tab} onSelect={setTab} />
      </div>
      <div {...tabPanel(id, tab)}>
        {tab !== "sql" && withheld && <Withheld />}
        {tab === "chart" && !withheld && <ChartPanel answer={answer} result={result} />}
        {tab === "table" && !withheld && (
          <TablePanel
            answer={answer}
            result={result}
            sort={sort}
            onSort={(next) => {
              setSort(next);
              setAll(true); // Half a result must not be sorted as if it were the whole.
            }}
          />
        )}
        {tab === "sql" && <SqlPanel answer={answer} receipt={receipt} />}
      </div>
      <footer className="flex flex-wrap items-center gap-x-3 gap-y-1 border-t border-line px-4 py-2 text-12 text-ink-3">
        <span data-testid="result-footer" className="tnum">
          {[
            count(answer.row_count, "row"),
            ...(databaseMs === null ? [] : [duration(databaseMs)]),
            ...(limit === null ? [] : [`limit ${limit.toLocaleString("en")}`]),
          ].join(" · ")}
        </span>
        {answer.truncated !== null && (
          <span className="font-medium text-caramel">
            Cut at the owner's limit of {answer.truncated === "rows" ? "rows" : "size"}: there is more in the database.
          </span>
        )}
        {tab === "table" && !withheld && !result.whole && (
          <Button look="link" disabled={result.loading} onClick={() => (all ? result.retry() : setAll(true))}>
            {result.loading ? "Loading…" : `Show all ${answer.row_count.toLocaleString("en")}`}
          </Button>
        )}
        {tab === "table" && result.problem !== null && !result.loading && (
          <span role="alert" className="text-bad">
            {sort === null ? "" : `Not sorted, only ${answer.rows.length} rows are here. `}
            {result.problem.message}
          </span>
        )}
        <span className="ml-auto flex flex-wrap">
          {tab === "sql" && <CopyButton label="Copy SQL" text={() => answer.sql} />}
          {tab === "table" && answer.row_count > 0 && !withheld && (
            <Copies answer={answer} result={result} sort={sort} />
          )}
          {tab !== "sql" && !withheld && <DownloadMenu runId={runId} truncated={answer.truncated !== null} />}
        </span>
      </footer>
    </div>
  );
}

function Withheld() {
  return (
    <div className="p-4">
      <Notice testId="withheld" title="The database's owner keeps these values.">
        The query ran, and the policy of its agent lets no value out to this page. Whoever runs the agent can change
        that.
      </Notice>
    </div>
  );
}

interface TableProps {
  answer: Answer;
  result: WholeResult;
  sort: Sort | null;
  onSort: (sort: Sort | null) => void;
}

function TablePanel({ answer, result, sort, onSort }: TableProps) {
  const { columns, row_count } = answer;
  const now = result.whole ? sort : null;
  const rows = useMemo(() => sorted(result.rows, columns, now), [result.rows, columns, now]);
  if (row_count === 0) {
    return (
      <div data-testid="no-rows" className="px-4 py-6">
        <p className="font-medium">No rows match.</p>
        <p className="mt-1 text-13 text-ink-2">
          The query ran and found nothing. Its filters are in the SQL tab; ask again with one of them relaxed.
        </p>
      </div>
    );
  }
  return (
    <ResultTable
      columns={columns}
      rows={rows}
      sort={now}
      onSort={onSort}
      caption={`Result, ${count(row_count, "row")}`}
    />
  );
}

/** The whole result in the order on the screen, also where only its first rows are shown. */
function Copies({ answer, result, sort }: Omit<TableProps, "onSort">) {
  const { columns } = answer;
  const ordered = async () => sorted(await result.all(), columns, sort);
  return (
    <>
      <CopyButton label="Copy" text={async () => toTsv(columns, await ordered())} />
      <CopyButton label="Markdown" text={async () => toMarkdown(columns, await ordered())} />
    </>
  );
}
