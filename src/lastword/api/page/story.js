// The story of one element: why it is in the set or not, who has it, what it won against.

import * as address from "./address.js";
import { cell, el, fill, keyed, mark, say, table } from "./dom.js";
import { WHOLE_CHARACTERS } from "./element.js";
import { counted, span, when } from "./format.js";
import * as node from "./node.js";
import { Pulse } from "./pulse.js";
import * as writing from "./writing.js";

const EVERY_MS = 3000;
const STATES = { added: "In the set", removed: "Not in the set", unknown: "Not held" };

/** The view of one element. */
export class Story {
  constructor(set, element) {
    this.set = set;
    this.element = element;
    this.title = `${element.label} in ${set.label}`;
    this.heading = el("h1", { tabindex: -1 }, element.shown(WHOLE_CHARACTERS));
    this.state = el("strong", { class: "verdict-title" }, "Asking");
    this.why = el("p", { class: "why" }, "The node is being asked.");
    this.box = el("div", { class: "verdict", "data-state": "waiting" }, this.state, this.why);
    this.add = el("button", { type: "button", click: () => this.#write(true) }, "Add it");
    this.remove = el("button", { type: "button", click: () => this.#write(false) }, "Remove it");
    this.facts = el("dl", { class: "facts" });
    this.told = el(
      "div",
      {},
      el(
        "section",
        { "aria-labelledby": "facts-title" },
        el("h2", { id: "facts-title" }, "The write that counts"),
        this.facts,
      ),
      this.#holders(),
      this.#past(),
    );
    this.told.hidden = true;
    this.node = el(
      "div",
      {},
      el(
        "p",
        { class: "path" },
        el("a", { href: address.SETS }, "Sets"),
        " / ",
        el("a", { href: address.ofSet(set) }, set.shown()),
      ),
      this.heading,
      this.box,
      el("div", { class: "buttons" }, this.add, this.remove),
      this.told,
    );
    this.pulse = new Pulse(() => this.#ask(), EVERY_MS).start();
  }

  stop() {
    this.pulse.stop();
  }

  #holders() {
    const { node: list, body } = table("The other members, as far as this node knows", [
      ["Member", null],
      ["Has it, or something later", null],
      ["Last heard", "number"],
    ]);
    this.holders = body;
    this.holderList = list;
    this.noHolders = el("p", { class: "blank" }, "No other member is known.");
    return el(
      "section",
      { "aria-labelledby": "holders-title" },
      el("h2", { id: "holders-title" }, "Who has it"),
      el("div", { class: "frame" }, list, this.noHolders),
    );
  }

  #past() {
    this.past = el("ol", { class: "past" });
    this.remembered = el("p", { class: "quiet" });
    return el(
      "section",
      { "aria-labelledby": "past-title" },
      el("h2", { id: "past-title" }, "What it won against"),
      this.remembered,
      this.past,
    );
  }

  async #write(isAdd) {
    const done = isAdd
      ? writing.add(this.set, this.element)
      : writing.remove(this.set, this.element, () => this.pulse.now());
    if (await done) this.pulse.now();
  }

  async #ask() {
    if (!this.element.fitsPath || !this.set.fitsPath) {
      say(
        this.why,
        'A browser takes "." and ".." out of every path, and so cannot ask. lastword explain can.',
      );
      return;
    }
    try {
      this.#show(await node.explain(this.set, this.element));
    } catch (error) {
      this.told.hidden = true;
      mark(this.box, "data-state", "unknown");
      say(this.state, "Cannot tell");
      say(this.why, `${error.message}. ${error.hint ?? ""}`);
    }
  }

  #show(explained) {
    mark(this.box, "data-state", explained.present ? "converged" : "waiting");
    say(this.state, STATES[explained.state]);
    say(this.why, explained.why);
    this.told.hidden = false;
    this.#showFacts(explained);
    keyed(this.holders, explained.members, (member) => member.address, holderRow, updateHolder);
    this.holderList.hidden = explained.members.length === 0;
    this.noHolders.hidden = explained.members.length > 0;
    this.#showPast(explained);
  }

  #showFacts({ time, ahead, dot, takenBy, learned, collectedTime }) {
    const facts = [
      ["Time", when(time)],
      ["Taken by", taker(takenBy)],
      ["Number", dot === null ? "–" : `${dot.number} of run ${dot.run}`],
      ["Learned here", learnedIn(learned)],
    ];
    if (ahead > 0) facts.push(["Ahead of this clock", span(ahead / 1e6)]);
    if (collectedTime !== null) facts.push(["Deletes forgotten until", when(collectedTime)]);
    const text = (value) => (typeof value === "string" ? value : value.textContent);
    keyed(
      this.facts,
      facts,
      ([name, value]) => name + text(value),
      ([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)),
      () => {},
    );
  }

  #showPast({ superseded, refused, rememberedSince, tie }) {
    const losts = [
      ...superseded.map((lost) => [lost, "gave way"]),
      ...refused.map((lost) => [lost, "came too late"]),
    ];
    losts.sort(([one], [other]) => other.at - one.at);
    const words =
      losts.length === 0 ? "Nothing is remembered" : counted(losts.length, "other state");
    const end = tie ? ". One had the very same time: then a remove wins." : ".";
    fill(this.remembered, `${words}, since `, when(rememberedSince), end);
    keyed(
      this.past,
      losts,
      ([lost, how]) => `${lost.at}/${lost.time}/${lost.state}/${how}`,
      lostLine,
      () => {},
    );
  }
}

function taker(takenBy) {
  if (takenBy === null) return "a client's own time";
  if (takenBy.thisNode) return "this node";
  return takenBy.address ?? "a node whose address is not known here";
}

function learnedIn(learned) {
  if (learned === null) return "–";
  if (learned.from === null)
    return learned.to === null ? "–" : el("span", {}, "until ", when(learned.to));
  return el("span", {}, "between ", when(learned.from), " and ", when(learned.to));
}

function holderRow({ address: name }) {
  return el(
    "tr",
    { role: "row" },
    cell("Member", null, el("span", { class: "element" }, name)),
    cell("Has it, or something later", null, el("span", { class: "state" })),
    cell("Last heard", "number"),
  );
}

function updateHolder(child, { has, heard }) {
  const [, state, ago] = child.children;
  mark(state.firstElementChild, "data-state", has ? "same" : "unknown");
  say(state.firstElementChild, has ? "yes" : "not that is known");
  say(ago, heard === null ? "never" : `${span(heard / 1e6)} ago`);
}

function lostLine([lost, how]) {
  const by = lost.takenBy === null && lost.dot === null ? "" : ` by ${taker(lost.takenBy)}`;
  return el(
    "li",
    {},
    el(
      "strong",
      {},
      `${lost.state === "added" ? "Add" : lost.state === "removed" ? "Remove" : "Unknown"}`,
    ),
    " of ",
    when(lost.time),
    `${by}: ${how} at `,
    when(lost.at),
  );
}
