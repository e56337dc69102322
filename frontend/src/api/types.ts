/** The API's values by name. */
import type { components } from "./schema";

export type Schemas = components["schemas"];

export type Connection = Schemas["Connection"];
export type Info = Schemas["Info"];
export type JoinCode = Schemas["JoinCode"];
export type Thread = Schemas["Thread"];
export type ResultDocument = Schemas["ResultDocument"];
