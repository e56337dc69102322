/**
 * Scripted runs for the fixture server: `[milliseconds to wait, event without run_id and at]`. For looking at the
 * page only; what the graph really emits is in tests/fixtures/runs.
 */

const usage = (input, output) => ({ input_tokens: input, output_tokens: output, model_calls: 1 });
const text = (name) => ({ name, type: "text", oid: 25 });
const column = (name, type) => ({ name, type, oid: 0 });

const began = (step) => [20, { type: "step_started", step }];
const done = (step, ms, detail = "", used = null) => [
  ms,
  { type: "step_finished", step, elapsed_ms: ms, detail, usage: used },
];

function written(step, attempt, sql, ms, extra = {}) {
  const pieces = sql.match(/\S+\s*/g) ?? [sql];
  const deltas = pieces.map((piece) => [ms / pieces.length, { type: "sql_delta", step, attempt, text: piece }]);
  const whole =
    step === "repair_sql"
      ? { type: "repaired", step, attempt, sql, origin: "repair", changes: [], reason: "", ...extra }
      : { type: "drafted", step, attempt, sql, origin: "draft", changes: [], standalone_question: null, ...extra };
  const detail = step === "repair_sql" ? "after the database's own error" : "";
  const finished = { type: "step_finished", step, elapsed_ms: ms, detail, usage: usage(1840, pieces.length * 2) };
  return [began(step), ...deltas, [5, whole], [1, finished]];
}

const linted = (attempt, findings = []) => [
  began("lint_sql"),
  [6, { type: "linted", step: "lint_sql", attempt, verdict: findings.length > 0 ? "reject" : "pass", findings }],
  done("lint_sql", 6),
];

function ran(attempt, outcome, ms, detail) {
  return [
    began("execute_sql"),
    [2, { type: "executing", step: "execute_sql", attempt }],
    [ms, { type: "executed", step: "execute_sql", attempt, outcome: { ...outcome, elapsed_ms: ms } }],
    [1, { type: "step_finished", step: "execute_sql", elapsed_ms: ms, detail, usage: null }],
  ];
}

const rowsOutcome = (columns, rows, count, truncated = null) => ({
  kind: "rows",
  columns,
  preview: rows.slice(0, 50),
  row_count: count,
  truncated,
  size_bytes: 2048,
  digest: "9f".repeat(32),
  policy_digest: "c0ffee",
  result_ref: "res_1",
});

const failedOutcome = (message, hint, sqlstate) => ({
  kind: "failed",
  code: "database",
  message,
  hint,
  sqlstate,
  position: 8,
  layer: null,
  retryable: false,
});

const chart = (change) => ({ kind: "none", x: null, y: [], series: null, reason: "", ...change });

/** All rows of results, by their SQL. */
export const WHOLE = new Map();

function answered(sentence, sql, columns, rows, extra = {}) {
  const pieces = sentence.match(/\S+\s*/g) ?? [sentence];
  const count = extra.row_count ?? rows.length;
  WHOLE.set(sql, rows);
  const answer = {
    text: sentence,
    sql,
    columns,
    rows: rows.slice(0, 50),
    row_count: count,
    truncated: null,
    chart: chart({ reason: "There is nothing to compare." }),
    assumptions: [],
    confidence: { level: "high", score: 0.94, reasons: [] },
    verified_by: null,
    ...extra,
  };
  const receipt = {
    sql,
    snapshot_fingerprint: "5a1e0c77d2b94f60a3c1e8d95b7f2046",
    policy_digest: "c0ffee".repeat(8),
    result_digest: "9f".repeat(32),
    row_count: count,
    executed_at: new Date().toISOString(),
    agent_id: "agt_fixture",
    model: "qwen2.5-coder-1.5b-instruct",
  };
  return [
    began("summarize"),
    ...pieces.map((piece) => [520 / pieces.length, { type: "answer_delta", step: "summarize", text: piece }]),
    [1, { type: "step_finished", step: "summarize", elapsed_ms: 520, detail: "", usage: usage(410, 31) }],
    [1, { type: "answered", answer, receipt }],
  ];
}

const read = (ms = 38) => [began("load_schema"), done("load_schema", ms, "6 of 17 tables")];

const engineersSql =
  "select count(*) as engineers\nfrom hr.employees as e\nwhere e.title ilike '%engineer%'\n  and e.left_on is null";
const engineers = [
  ...read(),
  ...written("draft_sql", 1, engineersSql, 900),
  ...linted(1),
  ...ran(1, rowsOutcome([column("engineers", "bigint")], [[184]], 1), 42, "1 row"),
  ...answered("There are 184 engineers working here today.", engineersSql, [column("engineers", "bigint")], [[184]], {
    chart: chart({ kind: "number", y: ["engineers"] }),
    assumptions: ["“Engineer” means any title that contains the word", "People who have left do not count"],
  }),
];

const plans = [
  ["Team", 1214480.5],
  ["Business", 884120],
  ["Starter", 402910.25],
  ["Enterprise", 377300],
  ["Free", 0],
];
const plansColumns = [text("plan"), column("revenue", "numeric(12,2)")];
const plansSql =
  "select p.name as plan, sum(i.amount) as revenue\nfrom sales.invoices as i\njoin sales.subscriptions as s on s.id = i.subscription_id\njoin sales.plans as p on p.id = s.plan_id\nwhere i.paid_on >= current_date - interval '1 year'\ngroup by p.name\norder by revenue desc";
const wrongPlansSql = plansSql
  .replaceAll("p.name", "s.plan_name")
  .replace("\njoin sales.plans as p on p.id = s.plan_id", "");
const repaired = [
  ...read(),
  ...written("draft_sql", 1, wrongPlansSql, 1900),
  ...linted(1),
  ...ran(
    1,
    failedOutcome("column s.plan_name does not exist", "The name of a plan is in sales.plans.name.", "42703"),
    61,
    "failed",
  ),
  ...written("repair_sql", 2, plansSql, 1400, { reason: "column s.plan_name does not exist" }),
  ...linted(2),
  ...ran(2, rowsOutcome(plansColumns, plans, 5), 1310, "5 rows"),
  ...answered(
    "Team brings in the most: 1,214,480.50 over the last twelve months, 42 % of all revenue.",
    plansSql,
    plansColumns,
    plans,
    {
      chart: chart({ kind: "bar", x: "plan", y: ["revenue"] }),
      assumptions: ["Revenue is paid invoices", "Last twelve months"],
    },
  ),
];

const months = Array.from({ length: 24 }, (_, place) => {
  const month = new Date(Date.UTC(2024, 11 + place, 1)).toISOString().slice(0, 10);
  return [
    [month, "Europe", 52_000 + place * 2_100 + (place % 5) * 3_400],
    [month, "North America", 61_000 + place * 1_300 - (place % 4) * 2_900],
    [month, "Asia-Pacific", 21_000 + place * 1_750 + (place % 3) * 1_200],
  ];
}).flat();
const monthsColumns = [column("month", "date"), text("region"), column("revenue", "numeric(12,2)")];
const monthsSql =
  "select date_trunc('month', i.paid_on)::date as month, c.region, sum(i.amount) as revenue\nfrom sales.invoices as i\njoin sales.customers as c on c.id = i.customer_id\ngroup by 1, 2\norder by 1, 2";
const byMonth = [
  ...read(),
  ...written("draft_sql", 1, monthsSql, 1300),
  ...linted(1),
  ...ran(1, rowsOutcome(monthsColumns, months, months.length), 210, "72 rows"),
  ...answered(
    "Revenue grew in every region; Europe overtook North America in the spring.",
    monthsSql,
    monthsColumns,
    months,
    {
      chart: chart({ kind: "line", x: "month", y: ["revenue"], series: "region" }),
      confidence: { level: "medium", score: 0.7, reasons: ["currency is not converted"] },
    },
  ),
];

const manyRows = Array.from({ length: 1204 }, (_, place) => [
  10_000 + place,
  ["Acme GmbH", "Orchard & Sons", "Nordlys A/S", "Kite | Co", ""][place % 5],
  place % 7 === 0 ? null : (place * 137.25) % 9000,
  `2025-0${1 + (place % 9)}-1${place % 10} 09:${10 + (place % 50)}:00+00`,
  place % 3 === 0,
  place % 11 === 0
    ? "=cmd|' /C calc'!A0"
    : '{"channel": "web", "note": "a rather long value that will not fit into its cell"}',
]);
const manyColumns = [
  column("order_id", "integer"),
  text("customer"),
  column("total", "numeric(10,2)"),
  column("ordered_at", "timestamp with time zone"),
  column("paid", "boolean"),
  column("details", "jsonb"),
];
const manySql =
  "select o.id as order_id, c.name as customer, o.total, o.ordered_at, o.paid, o.details\nfrom sales.orders as o\nleft join sales.customers as c on c.id = o.customer_id\norder by o.id";
const orders = [
  ...read(),
  ...written("draft_sql", 1, manySql, 700),
  ...linted(1),
  ...ran(1, rowsOutcome(manyColumns, manyRows, 1204, "rows"), 96, "1,204 rows"),
  ...answered("These are the first 1,204 orders.", manySql, manyColumns, manyRows, {
    row_count: 1204,
    truncated: "rows",
    chart: chart({ reason: "These rows are single orders." }),
  }),
];

const failing = [
  ...read(),
  ...written("draft_sql", 1, "select margin from sales.invoices", 800),
  ...linted(1, [
    {
      rule: "unknown_column",
      severity: "error",
      message: "sales.invoices has no column margin.",
      hint: "It has amount, tax, currency.",
      position: 8,
    },
  ]),
  ...written("repair_sql", 2, "select amount - cost as margin from sales.invoices", 700, {
    reason: "sales.invoices has no column margin.",
  }),
  ...linted(2),
  ...ran(2, failedOutcome('column "cost" does not exist', "", "42703"), 30, "failed"),
  [
    20,
    {
      type: "run_failed",
      problem: {
        code: "sql_failed",
        message: 'No SQL for this question ran: column "cost" does not exist.',
        hint: "Name the table or column that holds the margin, or ask for the invoiced amount instead.",
      },
    },
  ],
];

const refused = [
  ...read(),
  [
    120,
    {
      type: "refused",
      refusal: {
        reason: "not_permitted",
        message: "The owner of this database does not share salaries.",
        hint: "Ask whoever runs the agent; its policy file decides.",
        missing: [],
      },
    },
  ],
];

const clarified = [
  ...read(),
  began("check_answerable"),
  done("check_answerable", 240),
  [
    5,
    {
      type: "clarified",
      clarification: {
        question: "Best by what?",
        options: ["Revenue over the last twelve months", "Number of orders", "Longest subscription"],
      },
    },
  ],
];

const slow = [
  ...read(),
  ...written("draft_sql", 1, "select count(*) from web.events as a, web.events as b", 600),
  ...linted(1),
  began("execute_sql"),
  [2, { type: "executing", step: "execute_sql", attempt: 1 }],
  [600_000, { type: "step_finished", step: "execute_sql", elapsed_ms: 600_000, detail: "", usage: null }],
];

const nothing = [
  ...read(),
  ...written("draft_sql", 1, "select * from sales.orders where total > 1000000", 500),
  ...linted(1),
  ...ran(1, rowsOutcome(manyColumns, [], 0), 12, "0 rows"),
  ...answered("No order is above one million.", "select * from sales.orders where total > 1000000", manyColumns, []),
];

const days = Array.from({ length: 400 }, (_, place) => [
  new Date(Date.UTC(2025, 0, 400 - place)).toISOString().slice(0, 10),
  1_000 + ((place * 37) % 400),
]);
const daysColumns = [column("day", "date"), column("revenue", "numeric(12,2)")];
const daysSql = "select paid_on as day, sum(amount) as revenue from sales.invoices group by 1 order by 1 desc";
const byDay = [
  ...read(),
  ...written("draft_sql", 1, daysSql, 300),
  ...linted(1),
  ...ran(1, rowsOutcome(daysColumns, days, 400), 60, "400 rows"),
  ...answered("Revenue is steady from day to day.", daysSql, daysColumns, days, {
    chart: chart({ kind: "line", x: "day", y: ["revenue"] }),
  }),
];

const wideColumns = Array.from({ length: 250 }, (_, place) => column(`measure_${place + 1}`, "integer"));
const wideRows = Array.from({ length: 60 }, (_, row) => wideColumns.map((_, place) => row * place));
const wideSql = "select * from sales.everything";
const wide = [
  ...read(),
  ...written("draft_sql", 1, wideSql, 300),
  ...linted(1),
  ...ran(1, rowsOutcome(wideColumns, wideRows, 60), 60, "60 rows"),
  ...answered("This is everything.", wideSql, wideColumns, wideRows),
];

const keptColumns = [text("team"), column("salary", "numeric")];
const keptSql = "select team, avg(salary) as salary from hr.employees group by 1";
const kept = [
  ...read(),
  ...written("draft_sql", 1, keptSql, 300),
  ...linted(1),
  ...ran(1, { ...rowsOutcome(keptColumns, [], 7), withheld: true, result_ref: null }, 60, "7 rows"),
  ...answered("The query gave 7 rows.", keptSql, keptColumns, [], {
    row_count: 7,
    chart: chart({ reason: "The result has no rows." }),
  }),
];

/** By question; anything else is answered like the first. */
export const SCENARIOS = {
  "How many engineers are there?": engineers,
  "Which plan brings in the most revenue?": repaired,
  "How did revenue develop by region over the last two years?": byMonth,
  "List all orders": orders,
  "What is our margin by invoice?": failing,
  "What does everybody earn?": refused,
  "Who is our best customer?": clarified,
  "How many pairs of events are there?": slow,
  "Which orders are above one million?": nothing,
  "How did revenue develop day by day?": byDay,
  "Show everything": wide,
  "What does each team earn?": kept,
};
