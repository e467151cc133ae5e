// What changes in a set, as the node tells it: a stream that is begun again when it ends.

import * as address from "./address.js";
import { el, say } from "./dom.js";
import { Element } from "./element.js";
import { when } from "./format.js";
import * as node from "./node.js";

const PAUSE_MS = 2000;
const SHOWN_MAX = 8;
const WORDS = { add: "added", remove: "removed", collect: "tombstone forgotten" };

/** The last few changes of a set; `changed` is called after each. */
export class Changes {
  #ended = new AbortController();

  constructor(set, changed) {
    this.set = set;
    this.changed = changed;
    this.state = el("span", { class: "quiet" }, "connecting");
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
    this.#run();
  }

  stop() {
    this.#ended.abort();
  }

  async #run() {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      try {
        await node.watch(this.set, signal, (event) => this.#take(event));
      } catch (error) {
        if (signal.aborted) return;
        say(
          this.state,
          `Not told of changes: ${error.message}. The list is asked for every few seconds.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }

  #take(event) {
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
