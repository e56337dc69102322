import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import { count } from "../lib/format";
import { useShade } from "../lib/theme";
import { type ChartModel, fitted } from "./chartModel";
import { chartHeight, chartOption, palette } from "./chartOption";
import { init } from "./echarts";

/** A drawn chart with its summary in words; its twin for exact values is the table. */
export default function ChartFigure({ model: wide }: { model: ChartModel }) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  const known = width > 0;
  const model = useMemo(() => fitted(wide, width), [wide, width]);
  const shade = useShade();
  useLayoutEffect(() => setWidth(place.current?.clientWidth ?? 0), []);
  useEffect(() => {
    const element = place.current;
    if (element === null || !known) return;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const chart = init(element, null, { renderer: "svg" });
    chart.setOption(chartOption(model, palette(), still));
    const watcher = new ResizeObserver(() => {
      setWidth(element.clientWidth);
      chart.resize();
    });
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      chart.dispose();
    };
  }, [model, shade, known]);
  const notes = [
    ...(model.left > 0 ? [`The first ${model.categories.length} are drawn; ${model.left} more are in the table.`] : []),
    ...(model.unplaced > 0 ? [`Without ${model.xName}, and not drawn: ${count(model.unplaced, "row")}.`] : []),
  ];
  return (
    <figure data-testid="chart" className="px-4 py-4">
      <div role="img" aria-label={model.summary} ref={place} style={{ height: chartHeight(model) }} />
      {notes.length > 0 && <figcaption className="mt-2 text-12 text-ink-3">{notes.join(" ")}</figcaption>}
    </figure>
  );
}
