/** What the state of a connection's agent means for somebody who wants to ask. */
import { clock, moment } from "../lib/format";
import type { Connection } from "../api/types";

export type Standing = Connection["agent"]["status"];

export const STANDINGS: Record<Standing, { word: string; means: string }> = {
  waiting: { word: "Waiting", means: "No agent has joined yet. Run the join command beside the database." },
  online: { word: "Online", means: "Questions are answered." },
  offline: { word: "Offline", means: "Start the agent again on its machine: custard agent run." },
  revoked: { word: "Revoked", means: "Its token is void. A new join code lets another agent in." },
};

/** Why nothing can be asked of it; null when it can. */
export function blocked(connection: Connection | null): string | null {
  if (connection === null) return "There is no database to ask yet.";
  switch (connection.agent.status) {
    case "online":
      return null;
    case "waiting":
      return `${connection.name} is waiting for its agent.`;
    case "revoked":
      return `The agent of ${connection.name} was revoked.`;
    case "offline":
      return `${connection.name} unreachable${since(connection)}.`;
  }
}

function since(connection: Connection): string {
  const at = connection.agent.since ?? connection.agent.last_seen_at;
  if (at === null) return "";
  const now = new Date();
  const day = moment(at, now);
  const time = clock(at);
  return day === time ? ` since ${time}` : ` since ${day}, ${time}`;
}

/** `PostgreSQL 15.18` from 150018; empty when unknown. */
export function postgresVersion(number: number | null): string {
  if (number === null || number <= 0) return "";
  return `PostgreSQL ${Math.floor(number / 10_000)}.${number % 10_000}`;
}
