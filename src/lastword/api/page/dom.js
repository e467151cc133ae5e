// Makes parts of the document. What comes from a node goes in as text, and there is no other way.

const SVG = "http://www.w3.org/2000/svg";

/** Return an HTML element. Attributes that are functions are listeners; of null, there is none. */
export function el(name, attributes = {}, ...children) {
  return dressed(document.createElement(name), attributes, children);
}

/** Return an SVG element. */
export function svg(name, attributes = {}, ...children) {
  return dressed(document.createElementNS(SVG, name), attributes, children);
}

function dressed(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Set the text of a node, only where it is another: a live region is not told twice. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Set an attribute, only where it is another. */
export function mark(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/**
 * Let `parent` have one child for each item, in order. Children of items that stay are kept, with
 * their focus, and changed by `update`; others are made by `make`.
 */
export function keyed(parent, items, keyOf, make, update) {
  const kept = new Map(Array.from(parent.children, (child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const [index, item] of items.entries()) {
    const key = String(keyOf(item));
    let child = kept.get(key);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = key;
    }
    kept.delete(key);
    update(child, item, index);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of kept.values()) child.remove();
}

/** Return a table with its head; `columns` are [title, class], of which null is no class. */
export function table(caption, columns) {
  const body = el("tbody", { role: "rowgroup" });
  const heads = columns.map(([title, kind]) =>
    el("th", { scope: "col", role: "columnheader", class: kind }, title),
  );
  const node = el(
    "table",
    { role: "table" },
    el("caption", {}, caption),
    el("thead", { role: "rowgroup" }, el("tr", { role: "row" }, ...heads)),
    body,
  );
  return { node, body };
}

/** Return a cell; on a phone, where a row is a card, its column's title stands before it. */
export function cell(title, kind, ...children) {
  return el("td", { role: "cell", class: kind, "data-title": title }, ...children);
}

/** Put these into a node, in place of all that it has. */
export function fill(node, ...children) {
  node.replaceChildren(...children);
}
