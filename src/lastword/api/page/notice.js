// What has just happened, said where it is seen and where it is heard.

import { say } from "./dom.js";

const box = document.getElementById("notice");
const text = document.getElementById("notice-text");
const action = document.getElementById("notice-action");
let act = null;

document.getElementById("notice-close").addEventListener("click", close);
action.addEventListener("click", () => {
  const chosen = act;
  close();
  chosen?.();
});

/** Tell what was done; `offer`, if any, is [what a button says, what it does]. */
export function tell(message, offer = null) {
  show(message, "done", offer);
  announce(message);
}

/** Tell what went wrong, with the hint that the node gave. */
export function complain(error) {
  const message = `${error.message}${error.hint ? `. ${error.hint}` : ""}`;
  show(message, "wrong", null);
  say(document.getElementById("alarm"), "");
  say(document.getElementById("alarm"), message);
}

/** Let screen readers hear of a change that is seen anyway. */
export function announce(message) {
  say(document.getElementById("announcer"), message);
}

function show(message, kind, offer) {
  say(text, message);
  box.dataset.kind = kind;
  act = offer?.[1] ?? null;
  action.hidden = offer === null;
  say(action, offer?.[0] ?? "");
  box.hidden = false;
}

function close() {
  box.hidden = true;
}
