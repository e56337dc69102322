/** The run's record in the words of graph/record.py: the generated types, with cells by their type. */
import type { Schemas } from "../api/types";

/** One value of a result: what a JSON value cannot hold exactly is PostgreSQL's own text. */
export type Cell = string | number | boolean | null;
type WithCells<T> = T extends { preview: unknown[][] }
  ? Omit<T, "preview"> & { preview: Cell[][] }
  : T extends { rows: unknown[][] }
    ? Omit<T, "rows"> & { rows: Cell[][] }
    : T;

export type Attempt = Omit<Schemas["Attempt"], "outcome"> & { outcome: Outcome | null };
export type Answer = WithCells<Schemas["Answer"]>;
export type Chart = Schemas["Chart"];
export type Clarification = Schemas["Clarification"];
export type Failed = Schemas["Failed"];
export type Finding = Schemas["Finding"];
export type Problem = Schemas["Problem"];
export type Receipt = Schemas["Receipt"];
export type Refusal = Schemas["Refusal"];
export type ResultColumn = Schemas["ResultColumn"];
export type Rows = WithCells<Schemas["Rows"]>;
export type Outcome = Rows | Failed;
export type Timing = Schemas["Timing"];
export type Step = Timing["step"];
export type RunStatus = Schemas["Run"]["status"];

type Told = Schemas["Run"]["events"][number];
/** One fact about a run; told apart by `type`. */
export type RunEvent = Told extends infer One
  ? One extends { type: "executed" }
    ? Omit<One, "outcome"> & { outcome: Outcome }
    : One extends { type: "answered" }
      ? Omit<One, "answer"> & { answer: Answer }
      : One
  : never;

export type Run = Omit<Schemas["Run"], "answer" | "attempts" | "events"> & {
  answer: Answer | null;
  attempts: Attempt[];
  events: RunEvent[];
};
