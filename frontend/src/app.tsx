import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { useApiKey } from "./api/access";
import { createQueryClient, useInfo } from "./api/queries";
import { useAccess } from "./api/useAccess";
import { Help } from "./help";
import { KeyPage } from "./key";
import { AskPage } from "./thread/AskPage";
import { focusComposer } from "./thread/Composer";
import { Sidebar } from "./thread/Sidebar";
import { ThreadPage } from "./thread/ThreadPage";
import { Announcer } from "./ui/Announcer";
import { Boundary } from "./ui/Boundary";
import { Button } from "./ui/Button";
import { Dialog } from "./ui/Dialog";
import { Icon } from "./ui/Icon";
import { useShortcuts } from "./ui/shortcuts";
import { Wordmark } from "./ui/Wordmark";

const AgentsPage = lazy(() => import("./connections/AgentsPage"));
const StartPage = lazy(() => import("./connections/StartPage"));
const queries = createQueryClient();

/** The whole page: providers around the gate and the shell. */
export function App() {
  return (
    <QueryClientProvider client={queries}>
      <Announcer>
        <Gate />
      </Announcer>
    </QueryClientProvider>
  );
}

/** Asks for a key where the backend wants one, and takes no further than that without. */
function Gate() {
  const info = useInfo();
  const key = useApiKey();
  const { refusedKey, unreachable } = useAccess();
  const wanted = info.data?.auth === "key";
  if (refusedKey !== undefined || (wanted && key === null)) {
    const standing = key === null ? "asked" : key === refusedKey ? "refused" : "checking";
    return <KeyPage standing={standing} onKey={() => void queries.resetQueries()} />;
  }
  return <Shell unreachable={unreachable} />;
}

function Shell({ unreachable }: { unreachable: boolean }) {
  const [menu, setMenu] = useState(false);
  const [help, setHelp] = useState(false);
  const [path, navigate] = useLocation();
  useShortcuts({
    "?": () => setHelp(true),
    c: () => {
      navigate("/");
      requestAnimationFrame(focusComposer);
    },
  });
  return (
    <div className="flex h-dvh overflow-clip max-md:flex-col">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:z-10 focus:m-2 focus:rounded-control focus:bg-surface focus:px-3 focus:py-2"
      >
        Skip to content
      </a>
      <aside aria-label="Navigation" className="w-[248px] shrink-0 border-r border-line bg-sunken max-md:hidden">
        <Sidebar onHelp={() => setHelp(true)} onLeave={() => undefined} />
      </aside>
      <header className="flex h-12 shrink-0 items-center gap-2 border-b border-line px-2 md:hidden">
        <Button
          look="quiet"
          square
          aria-label="Menu"
          aria-expanded={menu}
          onClick={() => setMenu(true)}
          data-testid="menu"
        >
          <Icon name="menu" />
        </Button>
        <Link href="/" aria-label="Custard, home" className="rounded-control">
          <Wordmark />
        </Link>
        <Button look="quiet" square aria-label="New question" className="ml-auto" onClick={() => navigate("/")}>
          <Icon name="plus" />
        </Button>
      </header>
      <Dialog open={menu} onClose={() => setMenu(false)} label="Navigation" look="sheet">
        <Sidebar onHelp={() => setHelp(true)} onLeave={() => setMenu(false)} />
      </Dialog>
      <main id="main" tabIndex={-1} className="flex min-h-0 min-w-0 grow flex-col outline-none">
        {unreachable && <Unreachable />}
        <div className="relative min-h-0 grow overflow-y-auto">
          <Boundary what="This page" key={path}>
            <Suspense fallback={null}>
              <Switch>
                <Route path="/" component={AskPage} />
                <Route path="/start" component={StartPage} />
                <Route path="/agents" component={AgentsPage} />
                <Route path="/t/:id">{({ id }) => <ThreadPage key={id} threadId={id} />}</Route>
                <Route component={Nowhere} />
              </Switch>
            </Suspense>
          </Boundary>
        </div>
      </main>
      <Help open={help} onClose={() => setHelp(false)} />
    </div>
  );
}

function Unreachable() {
  return (
    <div
      role="alert"
      data-testid="unreachable"
      className="flex flex-wrap items-center justify-center gap-x-2 bg-bad-tint px-4 py-1.5 text-13 text-bad"
    >
      Custard's server does not answer. Trying again; check that it runs: <code>custard up</code>
      <Button look="quiet" className="text-bad" onClick={() => void queries.refetchQueries()}>
        Try now
      </Button>
    </div>
  );
}

function Nowhere() {
  return (
    <div className="mx-auto max-w-reading p-6 pt-16">
      <h1 className="text-22 font-semibold">Nothing is here</h1>
      <p className="mt-2">
        <Link href="/" className="text-cobalt underline underline-offset-2">
          Ask a question
        </Link>
      </p>
    </div>
  );
}
