import { useState } from "react";
import { useConnections } from "../api/queries";
import type { Connection } from "../api/types";
import { recall, remember } from "../lib/theme";

const KEY = "custard.connection";

/** The database that new questions go to: the last one chosen here, else the first that is online. */
export function useChosenConnection(): { connection: Connection | null; choose: (id: string) => void } {
  const { data } = useConnections();
  const [chosen, setChosen] = useState(() => recall(KEY));
  const list = data ?? [];
  const connection =
    list.find((one) => one.connection_id === chosen) ??
    list.find((one) => one.agent.status === "online") ??
    list[0] ??
    null;
  return {
    connection,
    choose(id) {
      remember(KEY, id);
      setChosen(id);
    },
  };
}
