// The calls to the node that served this page; docs/REFERENCE.md has them all.

import * as token from "./token.js";

// Behind a proxy the node may have a path of its own, so calls begin where the page lies.
const ROOT = new URL("../", document.baseURI);
const PATIENCE_MS = 15000;

/** The node refused a call: its own words, and what it suggests. */
export class Refused extends Error {
  constructor(status, told) {
    super(told?.message ?? `the node answered with ${status}`);
    this.status = status;
    this.code = told?.code ?? "";
    this.hint = told?.hint ?? "";
  }
}

/** The node did not answer at all. */
export class Unreachable extends Error {
  constructor() {
    super("the node does not answer");
    this.hint =
      "It may be stopped, or the network between it and you may be down. The page goes on asking.";
  }
}

/** Return the answer to a call. One that wants a token is made again once it is given. */
export async function call(method, path, { body, signal, accept } = {}) {
  for (;;) {
    if (token.held() === null && token.isDeclined()) {
      throw new Refused(401, {
        code: "unauthenticated",
        message: "this node wants a token",
        hint: "Give one by the button at the top.",
      });
    }
    const shown = token.held();
    const answer = await sent(method, path, { body, signal, accept, shown });
    if (answer.status !== 401) return answer;
    const refusal = await refusalOf(answer);
    if (shown !== null && shown === token.held()) token.forget();
    if (token.held() === null && !(await token.ask(refusal.message))) throw refusal;
  }
}

async function sent(method, path, { body, signal, accept, shown }) {
  const headers = { Accept: accept ?? "application/json" };
  if (shown !== null) headers.Authorization = `Bearer ${shown}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(new URL(path, ROOT), {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ?? AbortSignal.timeout(PATIENCE_MS),
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable();
  }
}

async function refusalOf(answer) {
  const said = await answer.json().catch(() => null);
  return new Refused(answer.status, said?.error);
}

/** Return what a GET says; statuses in `also` are answers, too. */
export async function get(path, also = []) {
  const answer = await call("GET", path);
  if (!answer.ok && !also.includes(answer.status)) throw await refusalOf(answer);
  try {
    return await answer.json();
  } catch {
    throw new Unreachable();
  }
}

/** What the node is: its name, its version. */
export const about = () => get("");

/** Whether the node is to get traffic, and what it holds. */
export const ready = () => judged("_/ready");

/** How far members are behind each other, and whether that is little. */
export const converged = () => judged("_/converged");

/** Return a judgement, which has 503 where it is no; the node may also be unable to judge. */
async function judged(path) {
  const said = await get(path, [503]);
  if (said.error !== undefined) throw new Refused(503, said.error);
  return said;
}

/** What was done during the last hour. */
export const history = () => get("_/history");

/** A page of the sets. */
export function sets({ prefix, after, limit }) {
  return get(`_/sets?${query({ prefix: prefix.path, after, limit })}`);
}

/** How many elements and tombstones a set has; null where nothing is held. */
export const counts = (set) => get(`${set.path}?count`, [404]);

/** A page of what is in a set; null where nothing is held. */
export function members(set, { prefix, after, limit }) {
  return get(`${set.path}?members&${query({ prefix: prefix.path, after, limit })}`, [404]);
}

function query(values) {
  return Object.entries(values)
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

/** Why an element is as it is. */
export function explain(set, element) {
  return get(`${set.path}/${element.path}?explain`);
}

/** Add or remove an element; by a body, since a path has no room for long ones. */
export async function write(set, kind, element) {
  const answer = await call("PATCH", set.path, { body: element.field(kind) });
  if (!answer.ok) throw await refusalOf(answer);
}

/**
 * Call `told` with each event of a set's changes, until `signal` ends it or the node does: those
 * behind a cursor, or from now on where that is null.
 */
export async function watch(set, cursor, signal, told) {
  const after = cursor === null ? "" : `&after=${cursor}`;
  const answer = await call("GET", `${set.path}?watch${after}`, {
    signal,
    accept: "application/x-ndjson",
  });
  if (!answer.ok) throw await refusalOf(answer);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let begun = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const lines = (begun + value).split("\n");
    begun = lines.pop();
    for (const line of lines) if (line !== "") told(JSON.parse(line));
  }
}
