// Work that is done again and again while somebody looks: not in tabs that are hidden.

/** Calls `work` now and every `everyMs` after it ended, until `stop`. */
export class Pulse {
  #timer = null;
  #ended = false;
  #running = false;
  #again = false;

  constructor(work, everyMs) {
    this.work = work;
    this.everyMs = everyMs;
    this.onShown = () => {
      if (!document.hidden) this.now();
    };
  }

  start() {
    document.addEventListener("visibilitychange", this.onShown);
    this.now();
    return this;
  }

  /** Do it now; where it is under way, once more after that. */
  async now() {
    if (this.#ended) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#running = true;
    try {
      await this.work();
    } finally {
      this.#running = false;
      this.#plan();
    }
  }

  #plan() {
    if (this.#ended) return;
    if (this.#again) {
      this.#again = false;
      this.now();
    } else if (!document.hidden) {
      this.#timer = setTimeout(() => this.now(), this.everyMs);
    }
  }

  stop() {
    this.#ended = true;
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.onShown);
  }
}
