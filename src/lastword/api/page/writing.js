// Adding and removing an element, with what the viewer is told of it.

import * as node from "./node.js";
import { complain, tell } from "./notice.js";
import { isToGo } from "./question.js";

/** Add an element; return whether it is on disk. */
export async function add(set, element) {
  try {
    await node.write(set, "add", element);
  } catch (error) {
    complain(error);
    return false;
  }
  tell(`Added ${element.label} to ${set.label}.`);
  return true;
}

/** Ask, and remove an element; return whether it is gone. `changed` is called if it comes back. */
export async function remove(set, element, changed) {
  if (!(await isToGo(set, element))) return false;
  try {
    await node.write(set, "remove", element);
  } catch (error) {
    complain(error);
    return false;
  }
  const restore = async () => {
    if (await add(set, element)) changed();
  };
  tell(`Removed ${element.label} from ${set.label}.`, ["Add it again", restore]);
  return true;
}
