// The server's figures, as they change.

import { showConnection } from "./light.js";
import { Follower } from "./stream.js";

export class StatusLine {
  #element;
  #follower;

  constructor(element) {
    this.#element = element;
    this.#follower = new Follower({
      via: "eventsource",
      address: async () => "/api/status",
      types: ["status"],
      onEvent: ({ data }) => this.#show(JSON.parse(data)),
      onChange: ({ state, trouble }) => showConnection(element, { state, trouble }),
    });
  }

  follow() {
    this.#follower.open();
  }

  leave() {
    this.#follower.close();
    showConnection(this.#element, { state: "paused", trouble: "" });
  }

  #show({ connections, jobs, upstream, quota }) {
    this.#figure("connections").textContent = connections;
    this.#figure("jobs").textContent = jobs;
    this.#figure("upstream-open").textContent = upstream.open;
    this.#figure("upstream-cancelled").textContent = upstream.cancelled;
    this.#figure("quota-used").textContent = `${quota.used} of ${quota.of}`;
    Object.assign(this.#element.querySelector("meter"), { max: quota.of, high: 0.8 * quota.of, value: quota.used });
  }

  #figure(name) {
    return this.#element.querySelector(`.${name}`);
  }
}
