import { createContext, type ReactNode, useCallback, useContext, useState } from "react";

const Announce = createContext<(text: string) => void>(() => undefined);

/** Says a line to screen readers, politely. */
export function useAnnounce(): (text: string) => void {
  return useContext(Announce);
}

/** The page's one status line: finished steps and finished answers, never tokens. */
export function Announcer({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState("");
  const announce = useCallback((text: string) => setSaid(text), []);
  return (
    <Announce value={announce}>
      {children}
      <p role="status" data-testid="announcer" className="sr-only">
        {said}
      </p>
    </Announce>
  );
}
