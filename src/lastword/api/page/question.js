// A question before something is taken away: lists move, and a click may meet another row.

import { fill } from "./dom.js";

const dialog = document.getElementById("question");
const form = document.getElementById("question-form");

/** Ask whether to remove `element` from `set`; return whether to. */
export function isToGo(set, element) {
  fill(document.getElementById("question-text"), element.shown(400), " from ", set.shown());
  return new Promise((resolve) => {
    const end = (answer) => {
      dialog.close();
      form.onsubmit = null;
      dialog.oncancel = null;
      resolve(answer);
    };
    form.onsubmit = (event) => {
      event.preventDefault();
      end(true);
    };
    document.getElementById("question-cancel").onclick = () => end(false);
    dialog.oncancel = (event) => {
      event.preventDefault();
      end(false);
    };
    dialog.showModal();
    document.getElementById("question-cancel").focus();
  });
}
