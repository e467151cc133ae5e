// The first part: the cluster as this node sees it, and what the node did.

import { Activity } from "./activity.js";
import { cell, el, keyed, mark, say, table } from "./dom.js";
import { count, counted, skew, span } from "./format.js";
import { standing } from "./health.js";
import { Picture } from "./picture.js";

const COLUMNS = [
  ["No.", "number"],
  ["Member", null],
  ["State", null],
  ["Behind here", "number"],
  ["Behind there", "number"],
  ["Digest", null],
  ["Clock", "number"],
  ["Protocol", "number"],
  ["Heard", "number"],
];

const LONG_CHARACTERS = 21;

/** The cluster's view. It shows what `health` has. */
export class Cluster {
  title = "Cluster";

  constructor(health) {
    this.health = health;
    this.heading = el("h1", { tabindex: -1 }, "Cluster");
    this.verdict = el("strong", { class: "verdict-title" });
    this.reasons = el("ul", { class: "reasons" });
    this.box = el("div", { class: "verdict" }, this.verdict, this.reasons);
    this.picture = new Picture();
    this.facts = el("dl", { class: "facts" });
    const { node, body } = table("The other members, as this node sees them", COLUMNS);
    this.rows = body;
    this.table = node;
    node.classList.add("steady");
    this.alone = el(
      "p",
      { class: "blank" },
      "No other member is known. A node that is started with -i and this node's address joins it.",
    );
    this.activity = new Activity();
    this.node = el(
      "div",
      {},
      this.heading,
      this.box,
      el(
        "section",
        { "aria-labelledby": "seen-title" },
        el("h2", { id: "seen-title" }, "Seen from this node"),
        el(
          "p",
          { class: "quiet" },
          "Lines are what this node exchanges with each member, and what those told it. " +
            "How members see each other, their own pages say.",
        ),
        this.picture.node,
        el("div", { class: "frame" }, this.table, this.alone),
      ),
      el(
        "section",
        { "aria-labelledby": "self-title" },
        el("h2", { id: "self-title" }, "This node"),
        this.facts,
      ),
      this.activity.node,
    );
    this.onChanged = () => this.#show();
    health.addEventListener("changed", this.onChanged);
    this.#show();
  }

  stop() {
    this.health.removeEventListener("changed", this.onChanged);
    this.picture.stop();
    this.activity.stop();
  }

  #show() {
    const { verdict, members, address, converged } = this.health;
    mark(this.box, "data-state", verdict.state);
    say(this.verdict, verdict.title);
    keyed(
      this.reasons,
      verdict.reasons,
      (text) => text,
      (text) => el("li", {}, text),
      () => {},
    );
    this.picture.show(address, members);
    this.table.hidden = members.length === 0;
    this.alone.hidden = members.length > 0 || converged === null;
    keyed(this.rows, members, (member) => member.address, row, update);
    this.#facts();
  }

  #facts() {
    const { ready, about } = this.health;
    if (ready === null) return;
    const facts = [
      ["Address", ready.address || "not listed"],
      ["Version", `lastword ${about?.version ?? "–"}`],
      [
        "Takes traffic",
        ready.ready ? "yes" : ready.reasons.map((reason) => reason.message).join("; "),
      ],
      ["Sets, its own too", count(ready.sets)],
      ["Log", counted(ready.logEnd, "number")],
      ["Digest", ready.digest],
      ["Run", ready.run],
    ];
    keyed(
      this.facts,
      facts,
      ([name]) => name,
      ([name]) => el("div", {}, el("dt", {}, name), el("dd")),
      (child, [, value]) => say(child.lastElementChild, value),
    );
  }
}

function row(member) {
  const cells = COLUMNS.map(([title, kind]) => cell(title, kind));
  cells[1].append(link(member.address));
  cells[2].append(el("span", { class: "state" }));
  return el("tr", { role: "row" }, ...cells);
}

/** Return an address, as a link to that node's page where it is one that a browser can open. */
function link(address) {
  const kind = address.length > LONG_CHARACTERS ? "element" : "element address";
  try {
    const url = new URL(`${location.protocol}//${address}/_/`);
    if (url.pathname === "/_/" && url.username === "") {
      return el("a", { href: url.href, rel: "noreferrer noopener", class: kind }, address);
    }
  } catch {
    // It is no address that a browser knows: then it is a text.
  }
  return el("span", { class: kind }, address);
}

function update(child, member, index) {
  const { state, words } = standing(member);
  const [number, , stands, here, there, digest, clock, protocol, heard] = child.children;
  say(number, String(index + 1));
  mark(stands.firstElementChild, "data-state", state);
  say(stands.firstElementChild, words);
  say(here, behind(member, member.lagSeconds, member.lacks));
  say(there, behind(member, member.theirLagSeconds, member.theyLack));
  say(digest, compared(member));
  say(clock, skew(member.skewSeconds));
  say(protocol, String(member.version));
  say(heard, member.heardSeconds === null ? "never" : `${span(member.heardSeconds)} ago`);
}

// Of one that is silent it is not known what it has by now.
function behind({ answers }, seconds, lacks) {
  if (!answers || seconds === null || lacks === null) return "not known";
  return lacks === 0 ? "nothing" : `${span(seconds)}, ≤ ${count(lacks)}`;
}

function compared(member) {
  if (member.digestEqual === null) return "not compared";
  return `${member.digestEqual ? "equal" : "differs"}, ${span(member.comparedSeconds)} ago`;
}
