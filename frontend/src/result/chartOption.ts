/** A chart model as ECharts understands it, in the page's colours. */
import type { EChartsCoreOption } from "echarts/core";
import type { ChartModel, Series } from "./chartModel";

export interface Palette {
  ink: string;
  ink2: string;
  ink3: string;
  line: string;
  surface: string;
  custard: string;
  edge: string;
  series: string[];
  font: string;
}

/** The colours in force, read from the page's tokens. */
export function palette(): Palette {
  const probe = document.createElement("span");
  document.body.append(probe);
  const read = (token: string) => {
    probe.style.color = `var(${token})`;
    return getComputedStyle(probe).color;
  };
  const colours: Palette = {
    ink: read("--ink"),
    ink2: read("--ink-2"),
    ink3: read("--ink-3"),
    line: read("--line"),
    surface: read("--surface"),
    custard: read("--custard"),
    edge: read("--bar-edge"),
    series: [1, 2, 3, 4, 5, 6].map((place) => read(`--series-${place}`)),
    font: getComputedStyle(document.body).fontFamily,
  };
  probe.remove();
  return colours;
}

/** The height in pixels that the chart wants. */
export function chartHeight(model: ChartModel): number {
  if (!model.horizontal) return 280;
  const perName = model.series.length > 1 ? 16 * model.series.length + 12 : 28;
  return Math.min(48 + model.categories.length * perName, 1200);
}

export function chartOption(model: ChartModel, colours: Palette, still: boolean): EChartsCoreOption {
  const several = model.series.length > 1;
  const label = { color: colours.ink2, fontFamily: colours.font, fontSize: 12 };
  const names = {
    type: "category",
    data: model.categories,
    inverse: model.horizontal,
    axisLine: { lineStyle: { color: colours.line } },
    axisTick: { show: false },
    axisLabel: {
      ...label,
      hideOverlap: true,
      alignMinLabel: model.kind === "line" ? "left" : null,
      alignMaxLabel: model.kind === "line" ? "right" : null,
      ...(model.horizontal ? { width: 168, overflow: "truncate", interval: 0 } : {}),
    },
    boundaryGap: model.kind === "bar",
  };
  const values = {
    type: "value",
    scale: model.kind !== "bar", // Bars begin at zero; a line may not need to.
    axisLabel: { ...label, formatter: compact },
    splitLine: { lineStyle: { color: colours.line } },
    splitNumber: 4,
  };
  const scatter = model.kind === "scatter";
  const across = scatter
    ? { ...values, name: model.xName, nameLocation: "middle", nameGap: 28, nameTextStyle: label }
    : names;
  return {
    animation: !still,
    animationDuration: 200,
    textStyle: { fontFamily: colours.font },
    color: colours.series,
    aria: { enabled: false }, // The figure around it has a summary of its own.
    grid: {
      left: 4,
      right: model.horizontal ? 56 : 12,
      top: several ? 36 : 20,
      bottom: scatter ? 28 : 4,
      containLabel: true,
    },
    ...(several
      ? {
          legend: {
            top: 0,
            left: 0,
            icon: "roundRect",
            itemWidth: 12,
            itemHeight: 8,
            textStyle: label,
            type: "scroll",
          },
        }
      : {}),
    tooltip: {
      renderMode: "richText", // Drawn like the chart: the page's policy allows no styles in markup.
      trigger: scatter ? "item" : "axis",
      axisPointer: { type: model.kind === "bar" ? "shadow" : "line", shadowStyle: { opacity: 0.12 } },
      backgroundColor: colours.surface,
      borderColor: colours.line,
      textStyle: { color: colours.ink, fontFamily: colours.font, fontSize: 12 },
      valueFormatter: (value: unknown) => (typeof value === "number" ? full(value) : "no value"),
      confine: true,
    },
    xAxis: model.horizontal ? values : across,
    yAxis: model.horizontal ? names : values,
    series: model.series.map((series) => drawn(series, model, colours)),
  };
}

function drawn(series: Series, model: ChartModel, colours: Palette): Record<string, unknown> {
  const single = model.series.length === 1;
  if (model.kind === "scatter") {
    return { type: "scatter", name: series.name, data: series.points, symbolSize: 8, itemStyle: { opacity: 0.8 } };
  }
  if (model.kind === "line") {
    const few = model.categories.length <= 24;
    return {
      type: "line",
      name: series.name,
      data: series.values,
      showSymbol: few,
      symbolSize: 6,
      lineStyle: { width: 2 },
      connectNulls: false,
    };
  }
  return {
    type: "bar",
    name: series.name,
    data: series.values,
    barMaxWidth: 44,
    itemStyle: single
      ? { color: colours.custard, borderColor: colours.edge, borderWidth: 1.25, borderRadius: 2 }
      : { borderRadius: 2 },
    ...(single && (model.horizontal || model.categories.length <= 12)
      ? {
          label: {
            show: true,
            position: model.horizontal ? "right" : "top",
            color: colours.ink2,
            fontFamily: colours.font,
            fontSize: 11,
            formatter: ({ value }: { value: unknown }) => (typeof value === "number" ? compact(value) : ""),
          },
        }
      : {}),
  };
}

/** `1.2M`, `48K`, `950`: for axes, where room is short. */
export function compact(value: number): string {
  if (Math.abs(value) < 10_000) return full(value);
  return value.toLocaleString("en", { notation: "compact", maximumFractionDigits: 1 });
}

function full(value: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: 2 });
}
