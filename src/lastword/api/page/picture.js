// The cluster as a picture: this node in the middle, and a line to each member that it knows.

import { el, mark, say, svg } from "./dom.js";
import { counted, skew } from "./format.js";
import { standing } from "./health.js";

const HEIGHT = 360;
const LINE = 16;
const LABEL_WIDTH = 200;
const HEIGHT_OF_FEW = 190;
const RADIUS = 17;
const NARROW = 640;
const LABELS_MAX = { narrow: 2, wide: 12 };
const LABEL_CHARACTERS = 22;
const MEMBERS_DRAWN_MAX = 60;

/** Draws members around the node; the table beside it has the same in words. */
export class Picture {
  constructor() {
    this.canvas = svg("svg", { role: "img", height: HEIGHT_OF_FEW, class: "picture" });
    this.node = el("div", { class: "frame picture-frame" }, this.canvas);
    this.members = [];
    this.address = "";
    this.observer = new ResizeObserver(() => this.#draw());
    this.observer.observe(this.node);
  }

  show(address, members) {
    this.address = address;
    this.members = members.slice(0, MEMBERS_DRAWN_MAX);
    this.#draw();
  }

  stop() {
    this.observer.disconnect();
  }

  #draw() {
    const width = Math.floor(this.node.clientWidth);
    if (width === 0) return;
    const isNarrow = width < NARROW;
    const named = this.members.length <= LABELS_MAX[isNarrow ? "narrow" : "wide"];
    const height = this.members.length < 3 ? HEIGHT_OF_FEW : HEIGHT;
    mark(this.canvas, "height", String(height));
    mark(this.canvas, "viewBox", `0 0 ${width} ${height}`);
    mark(this.canvas, "aria-label", this.#words());
    const isFew = this.members.length < 3;
    const middle = { x: width / 2, y: height / 2 - (isFew ? LINE : 0) };
    const places = this.members.map((_, index) =>
      placeOf(index, this.members.length, middle, named),
    );
    this.canvas.replaceChildren(
      ...places.flatMap((place, index) => link(middle, place, standing(this.members[index]))),
      ...places.flatMap((place, index) => this.#member(place, index, named)),
      ...this.#self(middle),
    );
  }

  #self(place) {
    return [
      svg("rect", {
        x: place.x - 26,
        y: place.y - 16,
        width: 52,
        height: 32,
        rx: 9,
        class: "self",
      }),
      text(place.x, place.y + 5, "this", "inside"),
      ...(this.members.length === 0
        ? [text(place.x, place.y + 38, short(this.address), "label")]
        : []),
    ];
  }

  #member(place, index, named) {
    const member = this.members[index];
    const { state, words } = standing(member);
    const parts = [
      svg("circle", { cx: place.x, cy: place.y, r: RADIUS, class: "member", "data-state": state }),
      text(place.x, place.y + 5, String(index + 1), "inside"),
    ];
    if (named) parts.push(...labels(place, [short(member.address), words, about(member)]));
    return parts;
  }

  #words() {
    if (this.members.length === 0) return "This node, alone: it knows of no other member.";
    const states = this.members.map((member) => `${member.address}: ${standing(member).words}`);
    return `This node and ${counted(states.length, "other member")}. ${states.join("; ")}.`;
  }
}

/** Return where a member stands, and on which side its label has room. */
function placeOf(index, count, middle, named) {
  if (count < 3) {
    const across = Math.min(middle.x - 82, 320) * (index === 0 && count === 2 ? -1 : 1);
    return { x: middle.x + across, y: middle.y, side: "below" };
  }
  const angle = (2 * Math.PI * index) / count - Math.PI / 2;
  const [right, down] = [Math.cos(angle), Math.sin(angle)];
  const x = middle.x + Math.min(middle.x - (named ? LABEL_WIDTH : RADIUS + 24), 300) * right;
  const y = middle.y + (middle.y - RADIUS - (named ? 3 * LINE : 0) - 12) * down;
  if (Math.abs(right) < 0.35) return { x, y, side: down < 0 ? "above" : "below" };
  return { x, y, side: right < 0 ? "left" : "right" };
}

/** Write lines of text beside a member, away from the lines that are drawn. */
function labels({ x, y, side }, [address, ...words]) {
  const across = { left: -RADIUS - 10, right: RADIUS + 10 }[side] ?? 0;
  const down = { above: -RADIUS - 8 - 2 * LINE, below: RADIUS + 17 }[side] ?? 4 - LINE;
  const anchor = { left: "end", right: "start" }[side] ?? "middle";
  return [address, ...words].map((line, index) => {
    const kind = index === 0 ? "label" : "words";
    return text(x + across, y + down + index * LINE, line, kind, anchor);
  });
}

function about({ skewSeconds, version }) {
  return `clock ${skew(skewSeconds)}, protocol ${version}`;
}

function link(from, to, { state }) {
  const line = svg("line", {
    x1: from.x,
    y1: from.y,
    x2: to.x,
    y2: to.y,
    class: "link",
    "data-state": state,
  });
  if (state !== "silent" && state !== "apart") return [line];
  // A cross in the middle of the line says it without a colour.
  const x = (from.x + to.x) / 2;
  const y = (from.y + to.y) / 2;
  const cross = svg("path", { d: `M${x - 6} ${y - 6}l12 12m0 -12l-12 12`, class: "cross" });
  return [line, svg("circle", { cx: x, cy: y, r: 11, class: "gap" }), cross];
}

function text(x, y, words, kind, anchor = "middle") {
  const node = svg("text", { x, y, "text-anchor": anchor, class: kind });
  say(node, words);
  return node;
}

function short(address) {
  return address.length <= LABEL_CHARACTERS
    ? address
    : `${address.slice(0, LABEL_CHARACTERS - 1)}…`;
}
