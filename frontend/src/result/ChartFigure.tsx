import { useEffect, useRef } from "react";
import { useShade } from "../lib/theme";
import type { ChartModel } from "./chartModel";
import { chartHeight, chartOption, palette } from "./chartOption";
import { init } from "./echarts";

/** A drawn chart with its summary in words; its twin for exact values is the table. */
export default function ChartFigure({ model }: { model: ChartModel }) {
  const place = useRef<HTMLDivElement>(null);
  const shade = useShade();
  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const chart = init(element, null, { renderer: "svg" });
    chart.setOption(chartOption(model, palette(), still));
    const watcher = new ResizeObserver(() => chart.resize());
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      chart.dispose();
    };
  }, [model, shade]);
  return (
    <figure data-testid="chart" className="px-4 py-4">
      <div role="img" aria-label={model.summary} ref={place} style={{ height: chartHeight(model) }} />
      {model.left > 0 && (
        <figcaption className="mt-2 text-12 text-ink-3">
          The first {model.categories.length} are drawn; {model.left} more are in the table.
        </figcaption>
      )}
    </figure>
  );
}
