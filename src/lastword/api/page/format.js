// Numbers with their units, spans and times, as people read them.

import { el } from "./dom.js";

const WHOLE = new Intl.NumberFormat("en");
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const MINUTE = new Intl.DateTimeFormat("en-GB", { timeStyle: "short" });
const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const BYTES = ["B", "kB", "MB", "GB", "TB"];
const NOT_KNOWN = "–";

/** Return a whole number, grouped. */
export function count(number) {
  return number === null || number === undefined ? NOT_KNOWN : WHOLE.format(number);
}

/** Return "1 element", "2 elements". */
export function counted(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** Return a number with about three digits. */
export function brief(number) {
  if (number === 0) return "0";
  if (number < 10) return number.toFixed(number < 1 ? 2 : 1).replace(/\.?0+$/, "");
  return WHOLE.format(Math.round(number));
}

/** Return how many bytes, in powers of a thousand. */
export function bytes(number) {
  let power = 0;
  while (number >= 1000 && power < BYTES.length - 1) {
    number /= 1000;
    power += 1;
  }
  return `${brief(number)} ${BYTES[power]}`;
}

/** Return a span of seconds in the unit that suits it. */
export function span(seconds) {
  if (seconds === null || seconds === undefined) return NOT_KNOWN;
  if (seconds === 0) return "0 s";
  if (seconds < 0.0005) return "< 1 ms";
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 120) return `${seconds < 10 ? brief(seconds) : Math.round(seconds)} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `${Math.round(seconds / 3600)} h`;
  return `${WHOLE.format(Math.round(seconds / 86400))} days`;
}

/** Return how far a clock is off, with its sign. */
export function skew(seconds) {
  if (seconds === null || seconds === undefined) return NOT_KNOWN;
  if (Math.abs(seconds) < 0.0005) return "0 ms";
  return `${seconds < 0 ? "−" : "+"}${span(Math.abs(seconds))}`;
}

/** Return a difference with its sign. */
export function change(number) {
  if (number === 0) return "0";
  return `${number < 0 ? "−" : "+"}${WHOLE.format(Math.abs(number))}`;
}

/** Return the time of day of a Date, to the minute. */
export function minute(date) {
  return MINUTE.format(date);
}

/** Return the time of day of a Date, to the second. */
export function clock(date) {
  return CLOCK.format(date);
}

/** Return a <time> of microseconds since 1970: in the viewer's zone, with UTC on hover. */
export function when(micros) {
  if (micros === null || micros === undefined) return el("span", {}, NOT_KNOWN);
  const date = new Date(micros / 1000);
  if (Number.isNaN(date.getTime())) return el("span", {}, `${micros} µs`);
  const utc = `${date.toISOString().slice(0, 19)}.${String(micros % 1e6).padStart(6, "0")}Z`;
  const millis = String(date.getMilliseconds()).padStart(3, "0");
  const isToday = date.toDateString() === new Date().toDateString();
  const day = isToday ? "" : `${DAY.format(date)}, `;
  return el("time", { datetime: utc, title: utc }, `${day}${CLOCK.format(date)}.${millis}`);
}
