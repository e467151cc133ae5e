// A chart of the last hour: one or two lines, read by the pointer or the arrow keys.

import { el, fill, mark, say, svg } from "./dom.js";
import { clock, minute } from "./format.js";

const MINUTE_MS = 60_000;
const HEIGHT = 132;
const TOP = 8;
const BOTTOM = 22;
const NOTHING_YET = "Nothing yet: the first figures come within seconds.";
const GAP_FACTOR = 3;
// How much is shown: the least of these that has all there is; a time stands at each `step`.
const SPANS = [
  { minutes: 5, step: 1 },
  { minutes: 15, step: 5 },
  { minutes: 30, step: 10 },
  { minutes: 60, step: 15 },
];

/**
 * One chart. `lines` are [what it is, what it takes of a stretch]; `shown` writes a value.
 * A value of null is a gap.
 */
export class Chart {
  constructor(title, explained, lines, shown) {
    this.title = title;
    this.lines = lines;
    this.shown = shown;
    this.stretches = [];
    this.chosen = null;
    this.canvas = svg("svg", {
      class: "chart",
      height: HEIGHT,
      tabindex: 0,
      role: "slider",
      "aria-label": `${title}, the last hour`,
      "aria-valuemin": 0,
      keydown: (event) => this.#key(event),
      pointermove: (event) => this.#point(event),
      pointerleave: () => this.#choose(null),
      blur: () => this.#choose(null),
    });
    this.readout = el("p", { class: "readout" }, "\u00a0");
    this.frame = el("div", { class: "chart-frame" }, this.canvas);
    this.node = el(
      "figure",
      { class: "panel" },
      el("figcaption", {}, el("h3", {}, title), el("p", { class: "quiet" }, explained)),
      this.readout,
      this.frame,
    );
    this.observer = new ResizeObserver(() => this.#draw());
    this.observer.observe(this.frame);
  }

  show(stretches) {
    this.stretches = stretches;
    if (this.chosen !== null && this.chosen >= stretches.length) this.chosen = null;
    this.#draw();
  }

  stop() {
    this.observer.disconnect();
  }

  #draw() {
    const width = Math.floor(this.frame.clientWidth);
    if (width === 0) return;
    const now = this.stretches.length === 0 ? Date.now() : this.stretches.at(-1).time / 1000;
    const most = Math.max(
      0,
      ...this.stretches.flatMap((at) => this.lines.map(([, take]) => take(at) ?? 0)),
    );
    const top = rounded(most);
    const first = this.stretches[0];
    const age =
      first === undefined ? 0 : (now - first.time / 1000 + first.seconds * 1000) / MINUTE_MS;
    const shown = SPANS.find(({ minutes }) => minutes >= age) ?? SPANS.at(-1);
    this.scale = {
      x: (stretch) => width - ((now - stretch.time / 1000) / (shown.minutes * MINUTE_MS)) * width,
      y: (value) => HEIGHT - BOTTOM - (value / (top || 1)) * (HEIGHT - TOP - BOTTOM),
    };
    mark(this.canvas, "viewBox", `0 0 ${width} ${HEIGHT}`);
    this.canvas.replaceChildren(
      ...this.#grid(width, top, now, shown),
      ...this.lines.map(([, take], index) => this.#line(take, index)),
      ...this.#cursor(),
    );
    this.#read();
  }

  #grid(width, top, now, { minutes, step }) {
    const floor = HEIGHT - BOTTOM;
    const parts = [
      svg("line", { x1: 0, y1: floor, x2: width, y2: floor, class: "axis" }),
      svg("line", { x1: 0, y1: TOP, x2: width, y2: TOP, class: "grid" }),
    ];
    if (top > 0) parts.push(label(2, TOP + 13, this.shown(top), "start"));
    for (let ago = minutes; ago > 0; ago -= step) {
      const words = minute(new Date(now - ago * MINUTE_MS));
      const anchor = ago === minutes ? "start" : "middle";
      parts.push(label(width - (ago / minutes) * width, HEIGHT - 6, words, anchor));
    }
    parts.push(label(width, HEIGHT - 6, "now", "end"));
    return parts;
  }

  #line(take, index) {
    let path = "";
    let before = null;
    for (const at of this.stretches) {
      const value = take(at);
      if (value === null) {
        before = null;
        continue;
      }
      const isGap =
        before === null || at.time - before.time > GAP_FACTOR * 1e6 * Math.max(10, at.seconds);
      const x = this.scale.x(at).toFixed(1);
      const y = this.scale.y(value).toFixed(1);
      path += isGap
        ? `M${this.scale.x({ time: at.time - at.seconds * 1e6 }).toFixed(1)} ${y}L${x} ${y}`
        : `L${x} ${y}`;
      before = at;
    }
    return svg("path", { d: path, class: `line line-${index}` });
  }

  #cursor() {
    if (this.chosen === null) return [];
    const at = this.stretches[this.chosen];
    const x = this.scale.x(at);
    const dots = this.lines.map(([, take], index) => {
      const value = take(at);
      return value === null
        ? null
        : svg("circle", { cx: x, cy: this.scale.y(value), r: 3.5, class: `dot-${index}` });
    });
    return [
      svg("line", { x1: x, y1: TOP, x2: x, y2: HEIGHT - BOTTOM, class: "cursor" }),
      ...dots.filter((dot) => dot !== null),
    ];
  }

  #read() {
    const last = this.stretches.length - 1;
    mark(this.canvas, "aria-valuemax", String(Math.max(0, last)));
    mark(this.canvas, "aria-valuenow", String(Math.max(0, this.chosen ?? last)));
    const words = this.#words(this.stretches[this.chosen ?? last]);
    mark(this.canvas, "aria-valuetext", words);
    this.#tell(this.stretches[this.chosen ?? last]);
  }

  #words(at) {
    if (at === undefined) return NOTHING_YET;
    const values = this.#values(at).map(({ name, value }) => `${name} ${value}`.trim());
    return `${values.join(", ")}, ${this.#when(at)}`;
  }

  #values(at) {
    if (this.lines.every(([, take]) => take(at) === null)) return [{ name: "", value: "none" }];
    return this.lines.map(([name, take]) => {
      const value = take(at);
      return { name, value: value === null ? "none" : this.shown(value) };
    });
  }

  #when(at) {
    return this.chosen === null ? "now" : clock(new Date(at.time / 1000));
  }

  /** Write the values that are chosen, each beside a sample of its line. */
  #tell(at) {
    if (at === undefined) {
      say(this.readout, NOTHING_YET);
      return;
    }
    const values = this.#values(at).map(({ name, value }, index) =>
      el("span", {}, el("span", { class: `swatch line-${index}` }), `${name} ${value}`.trim()),
    );
    fill(this.readout, ...values, el("span", { class: "quiet" }, this.#when(at)));
  }

  #choose(index) {
    if (index === this.chosen) return;
    this.chosen = index;
    this.#draw();
  }

  #key(event) {
    const last = this.stretches.length - 1;
    const at = this.chosen ?? last;
    const next = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: last }[event.key];
    if (next === undefined || last < 0) return;
    event.preventDefault();
    this.#choose(Math.min(last, Math.max(0, next)));
  }

  #point(event) {
    if (this.stretches.length === 0 || this.scale === undefined) return;
    const x = event.clientX - this.canvas.getBoundingClientRect().left;
    const apart = this.stretches.map((at) => Math.abs(this.scale.x(at) - x));
    this.#choose(apart.indexOf(Math.min(...apart)));
  }
}

/** Return the least 1, 2 or 5 times a power of ten that is no less. */
function rounded(value) {
  if (value <= 0) return 0;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= value * 0.999999);
}

function label(x, y, words, anchor) {
  return svg("text", { x, y, "text-anchor": anchor, class: "tick" }, words);
}
