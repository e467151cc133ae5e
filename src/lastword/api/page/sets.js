// The sets: what is in them, how they grow, what they still hold of what was removed.

import * as address from "./address.js";
import { cell, el, keyed, say, table } from "./dom.js";
import { Element } from "./element.js";
import { change, count, minute } from "./format.js";
import * as node from "./node.js";
import { Pager } from "./pager.js";
import { Pulse } from "./pulse.js";

const EVERY_MS = 2000;
const PAGE_SETS = 100;
const BEGAN = new Date();
// What each set held when this page first saw it: the node keeps no history of single sets.
const FIRST = new Map();
const REMEMBERED_MAX = 10_000;

/** The list of sets, by what they begin with, page by page. */
export class Sets {
  title = "Sets";

  constructor() {
    this.prefix = el("input", {
      type: "search",
      id: "set-prefix",
      autocomplete: "off",
      spellcheck: "false",
      input: () => this.#search(),
    });
    this.open = el("input", {
      id: "set-name",
      autocomplete: "off",
      spellcheck: "false",
      required: true,
    });
    this.pager = new Pager(() => this.pulse.now());
    const columns = [
      ["Set", null],
      ["Elements", "number"],
      [`Since ${minute(BEGAN)}`, "number"],
      ["Tombstones", "number"],
    ];
    this.columns = columns;
    const { node: list, body } = table("Sets of this node; those of this page by name", columns);
    this.list = list;
    this.rows = body;
    this.heading = el("h1", { tabindex: -1 }, "Sets");
    this.blank = el("p", { class: "blank" }, "The node is being asked.");
    this.node = el(
      "div",
      {},
      this.heading,
      el(
        "p",
        { class: "quiet" },
        "A tombstone is kept for an element that was removed, until every member knows of it.",
      ),
      el(
        "div",
        { class: "tools" },
        el(
          "div",
          { class: "field" },
          el("label", { for: "set-prefix" }, "Names that begin with"),
          this.prefix,
        ),
        el(
          "form",
          { class: "field", submit: (event) => this.#open(event) },
          el("label", { for: "set-name" }, "Open or begin a set"),
          el("div", { class: "joined" }, this.open, el("button", { type: "submit" }, "Open")),
        ),
      ),
      el("div", { class: "frame" }, this.list, this.blank),
      this.pager.node,
    );
    this.list.hidden = true;
    this.pager.leads(null);
    this.pulse = new Pulse(() => this.#ask(), EVERY_MS).start();
  }

  stop() {
    this.pulse.stop();
  }

  #search() {
    this.pager.reset();
    this.pulse.now();
  }

  #open(event) {
    event.preventDefault();
    location.hash = address.ofSet(Element.ofText(this.open.value));
  }

  async #ask() {
    const asked = { prefix: this.prefix.value, cursor: this.pager.cursor };
    try {
      const page = await node.sets({
        prefix: Element.ofText(asked.prefix),
        after: asked.cursor,
        limit: PAGE_SETS,
      });
      if (asked.prefix !== this.prefix.value || asked.cursor !== this.pager.cursor) return;
      this.#show(page);
    } catch (error) {
      this.#blank(`${error.message}. ${error.hint ?? ""}`);
    }
  }

  #show({ sets, after }) {
    for (const set of sets)
      if (!FIRST.has(set.name) && FIRST.size < REMEMBERED_MAX) FIRST.set(set.name, set.present);
    sets.sort((one, other) => (one.name < other.name ? -1 : 1));
    keyed(
      this.rows,
      sets,
      (set) => set.name,
      (set) => this.#row(set),
      update,
    );
    this.pager.leads(after);
    if (sets.length > 0) {
      this.blank.hidden = true;
      this.list.hidden = false;
    } else if (after !== null) {
      this.#blank("None on this page; the next one may have some.");
    } else {
      this.#blank(
        this.prefix.value === ""
          ? "There is no set yet. Open one by its name, and add its first element."
          : "No set's name begins with that.",
      );
    }
  }

  #blank(text) {
    this.list.hidden = true;
    this.blank.hidden = false;
    say(this.blank, text);
  }

  #row({ name }) {
    const set = Element.ofText(name);
    const [first, ...others] = this.columns.map(([title, kind]) => cell(title, kind));
    first.append(el("a", { href: address.ofSet(set) }, set.shown()));
    return el("tr", { role: "row" }, first, ...others);
  }
}

function update(child, set) {
  const [, present, growth, tombstones] = child.children;
  const first = FIRST.get(set.name);
  say(present, count(set.present));
  say(growth, first === undefined ? "–" : change(set.present - first));
  say(tombstones, count(set.tombstones));
}
