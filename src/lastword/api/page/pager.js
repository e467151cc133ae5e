// Pages forth and back: a page names the next one only, so those before are remembered.

import { el, say } from "./dom.js";

/** Two buttons and where one is; `changed` is called with nothing once `cursor` is another. */
export class Pager {
  #before = [];
  #next = null;
  cursor = null;

  constructor(changed) {
    this.back = el(
      "button",
      { type: "button", disabled: true, click: () => this.#go(false) },
      "Earlier page",
    );
    this.forth = el(
      "button",
      { type: "button", disabled: true, click: () => this.#go(true) },
      "Next page",
    );
    this.place = el("span", { class: "quiet" }, "Page 1");
    this.node = el(
      "nav",
      { class: "pager", "aria-label": "Pages" },
      this.back,
      this.place,
      this.forth,
    );
    this.changed = changed;
  }

  /** Begin again at the first page, without a call. */
  reset() {
    this.#before = [];
    this.cursor = null;
  }

  /** Take what the page that is shown leads to. */
  leads(after) {
    this.#next = after;
    this.back.disabled = this.#before.length === 0;
    this.forth.disabled = after === null;
    say(this.place, `Page ${this.#before.length + 1}`);
    this.node.hidden = this.back.disabled && this.forth.disabled;
  }

  #go(isForth) {
    if (isForth) {
      this.#before.push(this.cursor);
      this.cursor = this.#next;
    } else {
      this.cursor = this.#before.pop();
    }
    this.changed();
  }
}
