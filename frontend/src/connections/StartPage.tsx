import type { ReactNode } from "react";
import { Link } from "wouter";
import { useConnections } from "../api/connections";
import { useInfo } from "../api/queries";
import { CopyButton } from "../ui/CopyButton";
import { Icon } from "../ui/Icon";
import { useTitle } from "../ui/useTitle";
import { postgresVersion, STANDINGS } from "./standing";

type State = "ok" | "open" | "checking";

/** Three things that it takes to ask, each of which finds out by itself whether it is done. */
export default function StartPage() {
  useTitle("Set up");
  const info = useInfo();
  const connections = useConnections();
  const model = info.data?.model;
  const online = connections.data?.find((one) => one.agent.status === "online");
  const waiting = connections.data?.[0];
  const modelState: State = model === undefined ? "checking" : model.name === null ? "open" : "ok";
  const databaseState: State = connections.data === undefined ? "checking" : online === undefined ? "open" : "ok";
  const ready = modelState === "ok" && databaseState === "ok";

  return (
    <div className="mx-auto w-full max-w-reading px-6 pt-16 pb-12 max-md:px-4 max-md:pt-8">
      <h1 className="text-30 font-semibold tracking-[-0.018em] max-md:text-22">Set up</h1>
      <ol className="mt-6 rounded-card border border-line bg-surface shadow-card">
        <Check state={modelState} title="A model that writes SQL">
          {model === undefined && "Looking"}
          {model?.name === null && (
            <>
              None is configured. Set <code>OPENAI_API_KEY</code> or <code>CUSTARD_MODEL_BASE_URL</code> for the server,
              or run the demo: it brings a local model.
            </>
          )}
          {model !== undefined && model.name !== null && (
            <span className="wrap-anywhere">
              {model.name}
              {model.local
                ? ". It runs on this machine; nothing leaves it."
                : ". Questions and shared results go to its provider."}
            </span>
          )}
        </Check>
        <Check state={databaseState} title="A database, through its agent">
          {connections.data === undefined && "Looking"}
          {online !== undefined &&
            [online.name, postgresVersion(online.agent.server_version)].filter(Boolean).join(", ")}
          {connections.data !== undefined && online === undefined && (
            <>
              {waiting === undefined
                ? "None is connected. "
                : `${waiting.name}: ${STANDINGS[waiting.agent.status].means} `}
              <Link href="/agents" className="text-cobalt underline underline-offset-2">
                {waiting === undefined ? "Connect a database" : "See agent"}
              </Link>
            </>
          )}
        </Check>
        <Check state={ready ? "ok" : "open"} title="The first question">
          {ready ? (
            <Link href="/" className="text-cobalt underline underline-offset-2">
              Ask it
            </Link>
          ) : (
            "As soon as the two above are done."
          )}
        </Check>
      </ol>
      <section className="mt-8">
        <h2 className="font-medium">Use demo data</h2>
        <p className="mt-1 max-w-[66ch] text-ink-2">
          A made-up software company in a PostgreSQL of its own, with an agent and a local model. No key, no container.
        </p>
        <Command text="custard demo" />
      </section>
    </div>
  );
}

function Check({ state, title, children }: { state: State; title: string; children: ReactNode }) {
  return (
    <li className="flex gap-3 border-b border-line p-4 last:border-b-0">
      <span className={`mt-0.5 grid size-4 place-items-center ${state === "ok" ? "text-ok" : "text-ink-3"}`}>
        {state === "ok" ? (
          <Icon name="check" />
        ) : (
          <span
            className={`size-2.5 rounded-full border border-control ${state === "checking" ? "animate-live" : ""}`}
          />
        )}
        <span className="sr-only">{{ ok: "Done", open: "To do", checking: "Checking" }[state]}</span>
      </span>
      <div className="min-w-0">
        <h2 className="font-medium">{title}</h2>
        <div className="mt-1 text-13 text-ink-2">{children}</div>
      </div>
    </li>
  );
}

/** A command to take to a terminal. */
export function Command({ text }: { text: string }) {
  return (
    <div className="mt-2 flex items-center gap-2 rounded-input bg-sunken py-1 pr-1 pl-3">
      <code data-testid="command" className="min-w-0 grow text-13 wrap-anywhere">
        {text}
      </code>
      <CopyButton label="Copy command" square text={() => text} />
    </div>
  );
}
