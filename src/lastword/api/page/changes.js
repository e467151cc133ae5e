// What changes in a set, as the node tells it: a stream that is begun again when it ends.

import * as address from "./address.js";
import { el, say } from "./dom.js";
import { Element } from "./element.js";
import { when } from "./format.js";
import * as node from "./node.js";

const PAUSE_MS = 2000;
const SHOWN_MAX = 8;
const WORDS = { add: "added", remove: "removed", collect: "tombstone forgotten" };

/**
 * The last few changes of a set; `changed` is called after each. A tab that is not seen lets go of
 * its stream, since a browser has few connections for all tabs, and goes on where it was.
 */
export class Changes {
  #stream = null;
  #cursor = null;
  #ended = false;

  constructor(set, changed) {
    this.set = set;
    this.changed = changed;
    this.state = el("span", { class: "quiet" }, "Connecting.");
    this.list = el("ol", {
      class: "changes",
      role: "log",
      "aria-label": "Changes, the newest first",
    });
    this.blank = el("p", { class: "quiet" }, "None since this set was opened.");
    this.node = el(
      "section",
      { "aria-labelledby": "changes-title" },
      el("h2", { id: "changes-title" }, "Changes"),
      el("p", { class: "quiet" }, this.state),
      this.blank,
      this.list,
    );
    this.onShown = () => (document.hidden ? this.#stream?.abort() : this.#run());
    document.addEventListener("visibilitychange", this.onShown);
    this.#run();
  }

  stop() {
    this.#ended = true;
    this.#stream?.abort();
    document.removeEventListener("visibilitychange", this.onShown);
  }

  async #run() {
    if (this.#stream !== null) return;
    while (!this.#ended && !document.hidden) {
      this.#stream = new AbortController();
      const { signal } = this.#stream;
      try {
        await node.watch(this.set, this.#cursor, signal, (event) => this.#take(event));
      } catch (error) {
        if (!signal.aborted) say(this.state, `Not told at present: ${error.message}.`);
      }
      if (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
    this.#stream = null;
  }

  #take(event) {
    this.#cursor = event.cursor;
    if (event.event === "open") {
      say(this.state, "Told as they come, by this node.");
      this.changed();
    } else if (event.event in WORDS) {
      this.#note(event);
      this.changed();
    } else if (event.event === "reset") {
      this.changed();
    }
  }

  #note(event) {
    const element =
      event.element === undefined
        ? Element.ofBase64(event.elementBase64)
        : Element.ofText(event.element);
    const line = el(
      "li",
      {},
      when(event.time),
      ` ${WORDS[event.event]} `,
      el("a", { href: address.ofElement(this.set, element) }, element.shown()),
    );
    this.list.prepend(line);
    this.blank.hidden = true;
    while (this.list.children.length > SHOWN_MAX) this.list.lastElementChild.remove();
  }
}
