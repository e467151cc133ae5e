// Where in the page something is shown: the part of its address behind the #.

/** Where the sets are. */
export const SETS = "#/sets";

/** Return where a set is shown. */
export function ofSet(set) {
  return `#/set/${set.path}`;
}

/** Return where the story of an element is shown. */
export function ofElement(set, element) {
  return `#/element/${set.path}/${element.path}`;
}

/** Return the parts of where the viewer is: the view's name, and what it is about. */
export function here() {
  return location.hash.replace(/^#\/?/, "").split("/");
}
