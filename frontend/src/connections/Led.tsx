import type { Standing } from "./standing";

const COLOURS: Record<Standing, string> = {
  online: "bg-ok",
  waiting: "animate-live border border-caramel bg-custard",
  offline: "bg-bad",
  revoked: "border border-control",
};

/** A state's colour; a word always stands beside it. */
export function Led({ status }: { status: Standing }) {
  return <span aria-hidden="true" className={`keeps-colour size-2 shrink-0 rounded-full ${COLOURS[status]}`} />;
}
