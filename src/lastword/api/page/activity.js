// What the node did during the last hour, as charts.

import { Chart } from "./chart.js";
import { el, say } from "./dom.js";
import { brief, bytes, span } from "./format.js";
import * as node from "./node.js";
import { Pulse } from "./pulse.js";

const EVERY_MS = 5000;
const rate = (field) => (at) => (at.seconds > 0 ? at[field] / at.seconds : null);

/** The charts, which ask for what they show. */
export class Activity {
  constructor() {
    this.charts = [
      new Chart(
        "Writes",
        "elements changed by clients of this node",
        [["", rate("writes")]],
        (value) => `${brief(value)} /s`,
      ),
      new Chart(
        "Reads",
        "elements and sets that clients looked up here",
        [["", rate("reads")]],
        (value) => `${brief(value)} /s`,
      ),
      new Chart(
        "Replication",
        "bytes of messages with other nodes",
        [
          ["sent", rate("sentBytes")],
          ["received", rate("receivedBytes")],
        ],
        (value) => `${bytes(value)}/s`,
      ),
      new Chart(
        "Commit latency",
        "how long it took until writes were on disk",
        [
          ["half within", (at) => at.commitP50Seconds],
          ["99 of 100 within", (at) => at.commitP99Seconds],
        ],
        span,
      ),
    ];
    this.said = el("p", { class: "quiet", hidden: true });
    this.node = el(
      "section",
      { "aria-labelledby": "activity-title" },
      el("h2", { id: "activity-title" }, "The last hour of this node"),
      this.said,
      el("div", { class: "charts" }, ...this.charts.map((chart) => chart.node)),
    );
    this.pulse = new Pulse(() => this.#ask(), EVERY_MS).start();
  }

  async #ask() {
    try {
      const { stretches } = await node.history();
      for (const chart of this.charts) chart.show(stretches);
      this.said.hidden = true;
    } catch (error) {
      this.said.hidden = false;
      say(this.said, `Not known at present: ${error.message}.`);
    }
  }

  stop() {
    this.pulse.stop();
    for (const chart of this.charts) chart.stop();
  }
}
