import { useState } from "react";
import { useConnections } from "../api/connections";
import type { Connection } from "../api/types";
import { recall, remember } from "../lib/theme";

const KEY = "custard.connection";

interface Kept {
  id: string | null;
  name: string;
  /** The name of a database that was to be asked and is there no more. */
  gone: string | null;
}

interface Chosen {
  connection: Connection | null;
  gone: string | null;
  choose: (id: string) => void;
}

/**
 * The database that new questions go to: the last one chosen here, else the first that is online when the page opens.
 *
 * It stays that one while the page is open: what somebody is typing must not go to another database because an agent
 * was away for a moment.
 */
export function useChosenConnection(): Chosen {
  const { data } = useConnections();
  const [kept, setKept] = useState<Kept>(() => ({ id: recall(KEY), name: "", gone: null }));
  const same = data?.find((one) => one.connection_id === kept.id);
  const connection = same ?? data?.find((one) => one.agent.status === "online") ?? data?.[0] ?? null;
  if (connection !== null && (connection.connection_id !== kept.id || connection.name !== kept.name)) {
    const gone = same === undefined && kept.name !== "" ? kept.name : kept.gone;
    setKept({ id: connection.connection_id, name: connection.name, gone });
  }
  return {
    connection,
    gone: kept.gone,
    choose(id) {
      remember(KEY, id);
      setKept({ id, name: data?.find((one) => one.connection_id === id)?.name ?? "", gone: null });
    },
  };
}
