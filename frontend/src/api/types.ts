/** The API's values as they arrive. The generated schema marks what has a default as optional; answers always hold it. */
import type { components } from "./schema";

export type Schemas = components["schemas"];

/** `T` with every field present, all the way down. */
export type Filled<T> = T extends readonly (infer Item)[]
  ? Filled<Item>[]
  : T extends object
    ? { [Name in keyof T]-?: Filled<Exclude<T[Name], undefined>> }
    : T;

export type Connection = Filled<Schemas["Connection"]>;
export type Info = Filled<Schemas["Info"]>;
export type JoinCode = Filled<Schemas["JoinCode"]>;
export type Thread = Filled<Schemas["Thread"]>;
export type ResultDocument = Filled<Schemas["ResultDocument"]>;
