/** The run's record in the words of graph/record.py: the generated types, as the backend fills them. */
import type { Filled, Schemas } from "../api/types";

/** One value of a result: what a JSON value cannot hold exactly is PostgreSQL's own text. */
export type Cell = string | number | boolean | null;
type WithCells<T> = T extends { preview: unknown[][] }
  ? Omit<T, "preview"> & { preview: Cell[][] }
  : T extends { rows: unknown[][] }
    ? Omit<T, "rows"> & { rows: Cell[][] }
    : T;

export type Attempt = Omit<Filled<Schemas["Attempt"]>, "outcome"> & { outcome: Outcome | null };
export type Answer = WithCells<Filled<Schemas["Answer"]>>;
export type Chart = Filled<Schemas["Chart"]>;
export type Clarification = Filled<Schemas["Clarification"]>;
export type Failed = Filled<Schemas["Failed"]>;
export type Finding = Filled<Schemas["Finding"]>;
export type Problem = Filled<Schemas["Problem"]>;
export type Receipt = Filled<Schemas["Receipt"]>;
export type Refusal = Filled<Schemas["Refusal"]>;
export type ResultColumn = Filled<Schemas["ResultColumn"]>;
export type Rows = WithCells<Filled<Schemas["Rows"]>>;
export type Outcome = Rows | Failed;
export type Timing = Filled<Schemas["Timing"]>;
export type Step = Timing["step"];
export type RunStatus = Filled<Schemas["Run"]>["status"];

type Told = Filled<Schemas["Run"]>["events"][number];
/** One fact about a run; told apart by `type`. */
export type RunEvent = Told extends infer One
  ? One extends { type: "executed" }
    ? Omit<One, "outcome"> & { outcome: Outcome }
    : One extends { type: "answered" }
      ? Omit<One, "answer"> & { answer: Answer }
      : One
  : never;

export type Run = Omit<Filled<Schemas["Run"]>, "answer" | "attempts" | "events"> & {
  answer: Answer | null;
  attempts: Attempt[];
  events: RunEvent[];
};
