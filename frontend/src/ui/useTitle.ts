import { useEffect } from "react";

/** The page's name in the tab, while it is shown. */
export function useTitle(title: string | undefined): void {
  useEffect(() => {
    if (title === undefined) return;
    document.title = `${title} · Custard`;
    return () => {
      document.title = "Custard";
    };
  }, [title]);
}
