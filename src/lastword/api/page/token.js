// The token that a node may want: asked for once, kept by the tab, sent in a header only.

import { say } from "./dom.js";

const PLACE = "lastword-token";
const PRINTABLE = /^[\x21-\x7e]+$/;

let asking = null;
let declined = false;

const dialog = document.getElementById("token-dialog");
const input = document.getElementById("token-input");
const button = document.getElementById("token-button");

/** Return the token that is held, or null. */
export function held() {
  return sessionStorage.getItem(PLACE);
}

/** Return whether the viewer chose to go on without one, so that nothing is asked in vain. */
export function isDeclined() {
  return declined;
}

/** Forget the token that was refused: shown again and again, it would lock its sender out. */
export function forget() {
  sessionStorage.removeItem(PLACE);
  declined = false;
  show();
}

/** Ask the viewer; return whether there is a token now. Who asks meanwhile shares the answer. */
export function ask(why) {
  if (declined) return Promise.resolve(false);
  asking ??= new Promise((resolve) => {
    open(why, resolve);
  }).finally(() => {
    asking = null;
  });
  return asking;
}

function open(why, resolve) {
  say(document.getElementById("token-why"), why);
  input.value = "";
  const end = (given) => {
    declined = !given;
    dialog.close();
    dialog.removeEventListener("cancel", cancel);
    document.getElementById("token-form").onsubmit = null;
    document.getElementById("token-cancel").onclick = null;
    show();
    resolve(given);
  };
  const cancel = (event) => {
    event.preventDefault();
    end(false);
  };
  document.getElementById("token-form").onsubmit = (event) => {
    event.preventDefault();
    const token = input.value.trim();
    if (!PRINTABLE.test(token)) {
      say(document.getElementById("token-why"), "A token is made of printable ASCII.");
      return;
    }
    input.value = "";
    sessionStorage.setItem(PLACE, token);
    end(true);
  };
  document.getElementById("token-cancel").onclick = () => end(false);
  dialog.addEventListener("cancel", cancel);
  dialog.showModal();
  input.focus();
}

/** Show the button by which a token is given or forgotten, where there is one or was none. */
function show() {
  button.hidden = held() === null && !declined;
  say(button, held() === null ? "Give a token" : "Forget the token");
}

/** Let the button work; `changed` is called once there is another token or none. */
export function begin(changed) {
  button.addEventListener("click", () => {
    forget();
    changed();
  });
  show();
}
