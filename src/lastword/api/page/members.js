// One set: what is in it, by pages; what changes, as it does; adding and removing.

import * as address from "./address.js";
import { Changes } from "./changes.js";
import { cell, el, keyed, say, table } from "./dom.js";
import { Element } from "./element.js";
import { counted } from "./format.js";
import * as node from "./node.js";
import { Pager } from "./pager.js";
import { Pulse } from "./pulse.js";
import * as writing from "./writing.js";

const EVERY_MS = 5000;
const PAGE_MEMBERS = 50;
const EMPTY_PAGES_MAX = 20;

/** The view of one set. */
export class Members {
  constructor(set) {
    this.set = set;
    this.title = set.label;
    this.prefix = el("input", {
      type: "search",
      id: "prefix",
      autocomplete: "off",
      spellcheck: "false",
      input: () => this.#search(),
    });
    this.input = el("input", { id: "new-element", autocomplete: "off", spellcheck: "false" });
    this.pager = new Pager(() => this.pulse.now());
    this.counts = el("p", { class: "quiet" }, "\u00a0");
    this.blank = el("p", { class: "blank" }, "The node is being asked.");
    const { node: list, body } = table("What is in the set, in the order of the node", [
      ["Element", null],
      ["", "action"],
    ]);
    list.querySelector("th:last-child").append(el("span", { class: "unseen" }, "Action"));
    list.hidden = true;
    list.classList.add("plain");
    this.list = list;
    this.rows = body;
    this.changes = new Changes(set, () => this.#soon());
    this.heading = el("h1", { tabindex: -1 }, set.shown());
    this.node = el(
      "div",
      {},
      el("p", { class: "path" }, el("a", { href: address.SETS }, "Sets")),
      this.heading,
      this.counts,
      this.#tools(),
      el("div", { class: "frame" }, this.list, this.blank),
      this.pager.node,
      this.changes.node,
    );
    this.pager.leads(null);
    this.pulse = new Pulse(() => this.#ask(), EVERY_MS).start();
  }

  stop() {
    this.pulse.stop();
    this.changes.stop();
    clearTimeout(this.timer);
  }

  #tools() {
    return el(
      "div",
      { class: "tools" },
      el(
        "form",
        { class: "field", submit: (event) => this.#add(event) },
        el("label", { for: "new-element" }, "Element"),
        el(
          "div",
          { class: "joined" },
          this.input,
          el("button", { type: "submit", class: "main" }, "Add"),
        ),
      ),
      el(
        "div",
        { class: "field" },
        el("label", { for: "prefix" }, "Show what begins with"),
        this.prefix,
      ),
    );
  }

  #search() {
    this.pager.reset();
    this.pulse.now();
  }

  /** Ask again, once for changes that come together. */
  #soon() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.pulse.now();
    }, 250);
  }

  async #add(event) {
    event.preventDefault();
    if (!(await writing.add(this.set, Element.ofText(this.input.value)))) return;
    this.input.value = "";
    this.input.focus();
    this.pulse.now();
  }

  async #remove(element) {
    if (!(await writing.remove(this.set, element, () => this.pulse.now()))) return;
    this.heading.focus();
    this.pulse.now();
  }

  async #ask() {
    const asked = { prefix: this.prefix.value, cursor: this.pager.cursor };
    try {
      const [page, held] = await Promise.all([this.#page(asked), node.counts(this.set)]);
      if (asked.prefix !== this.prefix.value || asked.cursor !== this.pager.cursor) return;
      this.#count(held);
      this.#show(page);
    } catch (error) {
      this.#blank(`${error.message}. ${error.hint ?? ""}`);
    }
  }

  /** Return a page; those without any member are passed over, though not without an end. */
  async #page({ prefix, cursor }) {
    let after = cursor;
    for (let pages = 0; ; pages += 1) {
      const page = await node.members(this.set, {
        prefix: Element.ofText(prefix),
        after,
        limit: PAGE_MEMBERS,
      });
      const members = membersOf(page);
      after = page?.after ?? null;
      if (members.length > 0 || after === null || pages === EMPTY_PAGES_MAX)
        return { members, after };
    }
  }

  #count(held) {
    const { present, tombstones } = held ?? { present: 0, tombstones: 0 };
    say(this.counts, `${counted(present, "element")} and ${counted(tombstones, "tombstone")}`);
  }

  #show({ members, after }) {
    keyed(
      this.rows,
      members,
      (element) => element.path,
      (element) => this.#row(element),
      () => {},
    );
    this.pager.leads(after);
    if (members.length > 0) {
      this.blank.hidden = true;
      this.list.hidden = false;
    } else if (after !== null) {
      this.#blank("Nothing found so far; the next page looks further.");
    } else {
      this.#blank(
        this.prefix.value === ""
          ? "Nothing is in this set. Add its first element above."
          : "Nothing in this set begins with that.",
      );
    }
  }

  #blank(text) {
    this.list.hidden = true;
    this.blank.hidden = false;
    say(this.blank, text);
  }

  #row(element) {
    const gone = el(
      "button",
      {
        type: "button",
        "aria-label": `Remove ${element.label}`,
        click: () => this.#remove(element),
      },
      "Remove",
    );
    return el(
      "tr",
      { role: "row" },
      cell(
        "Element",
        null,
        el("a", { href: address.ofElement(this.set, element) }, element.shown()),
      ),
      cell("", "action", gone),
    );
  }
}

function membersOf(page) {
  if (page === null) return [];
  return [
    ...page.members.map((text) => Element.ofText(text)),
    ...(page.membersBase64 ?? []).map((text) => Element.ofBase64(text)),
  ];
}
