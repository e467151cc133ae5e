// An element of a set: bytes, which are mostly text, and may be anything else.

import { el } from "./dom.js";

const TEXT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const TO_BYTES = new TextEncoder();
const PLAIN = /[A-Za-z0-9_.~-]/;
// What is not seen, or changes how other characters are seen: controls, formats such as the marks
// of direction, separators, private and unassigned code points, and every space but the usual one.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cn}\p{Cs}]|(?! )\p{Zs}|^ | $/gu;
const NAMED = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };
const MARKS_MAX = /(\p{M}{3})\p{M}+/gu;

/** How many characters of an element stand in a list. */
export const BRIEF_CHARACTERS = 80;
/** How many stand on the element's own page: one of 64 KiB would bury what is said of it. */
export const WHOLE_CHARACTERS = 2000;

/** An element, or the name of a set. */
export class Element {
  constructor(bytes) {
    this.bytes = bytes;
    this.text = textOf(bytes);
  }

  static ofText(text) {
    return new Element(TO_BYTES.encode(text));
  }

  static ofBase64(encoded) {
    return new Element(Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0)));
  }

  /** Return the element that a part of a path stands for, or null where it is broken. */
  static ofPath(path) {
    const bytes = [];
    for (let at = 0; at < path.length; at += 1) {
      if (path[at] !== "%") {
        bytes.push(...TO_BYTES.encode(path[at]));
        continue;
      }
      const byte = Number.parseInt(path.slice(at + 1, at + 3), 16);
      if (Number.isNaN(byte)) return null;
      bytes.push(byte);
      at += 2;
    }
    return new Element(Uint8Array.from(bytes));
  }

  /** Its part of a path: every byte that is not plain is percent-encoded. */
  get path() {
    return Array.from(this.bytes, (byte) => {
      const character = String.fromCharCode(byte);
      return PLAIN.test(character) ? character : `%${byte.toString(16).padStart(2, "0")}`;
    }).join("");
  }

  /** Whether a browser keeps it in a path: "." and ".." it takes out, however they are written. */
  get fitsPath() {
    return this.text !== "." && this.text !== "..";
  }

  /** The field of a PATCH that names it: `kind` is add or remove. */
  field(kind) {
    if (this.text !== null) return { [kind]: [this.text] };
    const binary = Array.from(this.bytes, (byte) => String.fromCharCode(byte)).join("");
    return { [`${kind}Base64`]: [btoa(binary)] };
  }

  /** Return it as it is shown: as text, with what cannot be seen written out, and shortened. */
  shown(charactersMax = BRIEF_CHARACTERS) {
    const node = el("bdi", { class: "element" });
    if (this.bytes.length === 0) {
      node.append(escape("empty"));
    } else if (this.text === null) {
      const some = this.bytes.slice(0, Math.ceil(charactersMax / 4));
      node.append(escape(Array.from(some, (byte) => `\\x${hex(byte, 2)}`).join("")));
      if (some.length < this.bytes.length) node.append(this.#rest());
    } else {
      const characters = Array.from(this.text.slice(0, charactersMax * 2)).slice(0, charactersMax);
      const some = characters.join("");
      node.append(...visible(some.replace(MARKS_MAX, "$1…")));
      if (some.length < this.text.length) node.append(this.#rest());
    }
    return node;
  }

  /** Return it in a line of text, such as a label. */
  get label() {
    return this.shown().textContent;
  }

  #rest() {
    const size = new Intl.NumberFormat("en").format(this.bytes.length);
    return el("span", { class: "rest" }, `… (${size} bytes)`);
  }
}

function textOf(bytes) {
  try {
    return TEXT.decode(bytes);
  } catch {
    return null;
  }
}

function visible(text) {
  const parts = [];
  let from = 0;
  for (const found of text.matchAll(UNSEEN)) {
    if (found.index > from) parts.push(text.slice(from, found.index));
    parts.push(escape(NAMED[found[0]] ?? `\\u{${hex(found[0].codePointAt(0), 1)}}`));
    from = found.index + found[0].length;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}

function escape(text) {
  return el("span", { class: "escape" }, text);
}

function hex(number, digits) {
  return number.toString(16).padStart(digits, "0");
}
