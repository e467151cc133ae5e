// Puts the page together: finds the view that the address names, and keeps the badge up to date.

import * as address from "./address.js";
import { Cluster } from "./cluster.js";
import { mark, say } from "./dom.js";
import { Element } from "./element.js";
import { Health } from "./health.js";
import { Members } from "./members.js";
import { announce } from "./notice.js";
import { Sets } from "./sets.js";
import { Story } from "./story.js";
import * as token from "./token.js";

const place = document.getElementById("main");
const health = new Health();
let view = null;
let told = null;

function made([name, ...parts]) {
  const [set, element] = parts.map((part) => Element.ofPath(part));
  if (name === "sets") return ["sets", new Sets()];
  if (name === "set" && set?.text) return ["sets", new Members(set)];
  if (name === "element" && set?.text && element) return ["sets", new Story(set, element)];
  return ["cluster", new Cluster(health)];
}

function show({ moves }) {
  view?.stop();
  const [part, next] = made(address.here());
  view = next;
  place.replaceChildren(view.node);
  document.title = `${view.title} · lastword`;
  for (const link of document.querySelectorAll("nav [data-part]")) {
    if (link.dataset.part === part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!moves) return;
  window.scrollTo(0, 0);
  view.heading.focus({ preventScroll: true });
}

function showHealth() {
  const { verdict, about } = health;
  mark(document.getElementById("badge"), "data-state", verdict.state);
  say(document.getElementById("badge-text"), verdict.title);
  const version = about === null ? "" : `, version ${about.version}`;
  if (health.ready !== null)
    say(document.getElementById("node"), `${health.address || location.host}${version}`);
  if (told !== null && told !== verdict.title)
    announce(`${verdict.title}. ${verdict.reasons.join(" ")}`);
  told = verdict.title;
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  place.focus();
});
window.addEventListener("hashchange", () => show({ moves: true }));
health.addEventListener("changed", showHealth);
token.begin(() => {
  health.pulse.now();
  show({ moves: false });
});
show({ moves: false });
health.pulse.start();
