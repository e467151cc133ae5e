// What the node says of itself and of the other members, asked for every two seconds.

import * as node from "./node.js";
import { counted, span } from "./format.js";
import { Pulse } from "./pulse.js";

const EVERY_MS = 2000;
const CANNOT_TELL = new Set(["silent", "unknown", "no_members_yet"]);

/** Tells `changed` whenever there is news; `about`, `ready`, `converged` or `error` has them. */
export class Health extends EventTarget {
  about = null;
  ready = null;
  converged = null;
  error = null;
  at = null;

  constructor() {
    super();
    this.pulse = new Pulse(() => this.#ask(), EVERY_MS);
  }

  async #ask() {
    try {
      this.about ??= await node.about();
      [this.ready, this.converged] = await Promise.all([node.ready(), node.converged()]);
      this.error = null;
      this.at = new Date();
    } catch (error) {
      this.error = error;
    }
    this.dispatchEvent(new Event("changed"));
  }

  /** The address of the node, empty where it has none. */
  get address() {
    return this.ready?.address ?? "";
  }

  /** The other members, as this node sees them. */
  get members() {
    return this.converged?.members ?? [];
  }

  /** Whether the cluster is converged: `state`, a `title` for it, and `reasons` in words. */
  get verdict() {
    if (this.error !== null) return untold(this.error);
    if (this.converged === null)
      return { state: "waiting", title: "Asking", reasons: ["The node is being asked."] };
    const { converged, reasons, members, maxLagSeconds } = this.converged;
    if (converged)
      return { state: "converged", title: "Converged", reasons: [agreed(members, maxLagSeconds)] };
    const codes = new Set(reasons.map((reason) => reason.code));
    const said = reasons.map((reason) => `${sentence(reason.message)}.`);
    if (codes.has("apart")) return { state: "apart", title: "Not converging", reasons: said };
    if (reasons.some((reason) => CANNOT_TELL.has(reason.code))) {
      return { state: "unknown", title: "Cannot tell", reasons: said };
    }
    return { state: "converging", title: "Converging", reasons: said };
  }
}

function untold(error) {
  const said = [`${sentence(error.message)}.`, error.hint].filter((text) => text);
  return { state: "unknown", title: "Cannot tell", reasons: said };
}

function agreed(members, maxLagSeconds) {
  if (members.length === 0) return "This node knows of no other member.";
  const all = counted(members.length, "other member");
  const heard = `Each was heard within ${span(maxLagSeconds)}, and lacks nothing older than that.`;
  const fresh = (member) => member.digestEqual && member.comparedSeconds <= maxLagSeconds;
  if (members.every(fresh)) {
    const limit = span(maxLagSeconds);
    return `This node and ${all} hold the same: digests were equal within the last ${limit}.`;
  }
  return `${heard} Digests of ${all} are compared once writes pause.`;
}

function sentence(text) {
  return text.charAt(0).toUpperCase() + text.slice(1).replace(/\.$/, "");
}

/** How a member is, for the picture and the table: `state`, and a few words. */
export function standing(member) {
  if (!member.answers) return { state: "silent", words: silence(member) };
  if (member.heardSeconds === null) return { state: "unknown", words: "not heard yet" };
  if (!["clear", "unknown"].includes(member.standing))
    return { state: "apart", words: `this node is ${member.standing}` };
  const behind = Math.max(member.lagSeconds ?? 0, member.theirLagSeconds ?? 0);
  if (member.lacks || member.theyLack) return { state: "behind", words: `${span(behind)} behind` };
  if (member.digestEqual === false) return { state: "behind", words: "differs, is repaired" };
  if (member.digestEqual === null) return { state: "unknown", words: "not compared yet" };
  return { state: "same", words: "same digest" };
}

function silence(member) {
  return member.heardSeconds === null ? "never heard" : `silent for ${span(member.heardSeconds)}`;
}
