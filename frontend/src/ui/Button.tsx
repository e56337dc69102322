import type { ComponentProps } from "react";

const LOOKS = {
  /** Press me: at most one on a screen. */
  primary: "bg-custard text-on-custard font-medium hover:brightness-95 disabled:bg-hover disabled:text-ink-3",
  plain: "border border-control text-ink hover:bg-hover disabled:border-line disabled:text-ink-3",
  quiet: "text-ink-2 hover:bg-hover hover:text-ink disabled:text-ink-3 disabled:hover:bg-transparent",
  /** Leads to more of what it stands beside. */
  link: "text-cobalt hover:bg-hover disabled:text-ink-3 disabled:hover:bg-transparent",
  danger: "border border-bad text-bad hover:bg-bad-tint",
};

interface Props extends ComponentProps<"button"> {
  look?: keyof typeof LOOKS;
  /** A square for a lone icon; it needs an `aria-label`. */
  square?: boolean;
}

export function Button({ look = "plain", square = false, className = "", type = "button", ...rest }: Props) {
  const shape = square ? "size-8 max-md:size-11 justify-center" : "h-8 max-md:min-h-11 px-3";
  return (
    <button
      type={type}
      className={`inline-flex items-center gap-2 rounded-control text-13 transition-colors ${shape} ${LOOKS[look]} ${className}`}
      {...rest}
    />
  );
}
