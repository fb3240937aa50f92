// Who has an event stream, of all that the page shows.
//
// Over HTTP/1.1 a browser opens six connections to a server, for all its windows and tabs
// together, and the server allows a user five streams, so that one connection remains for
// requests. So an answer that is being written always has its stream: nobody else decides
// about it. The server's status has one, and the first two tasks that run, but only in the
// window that has the focus. The states of all other tasks are loaded every two seconds.

const TASKS_WITH_STREAM = 2;
const POLL_EVERY = 2000;

export class Connections {
  #status;
  #tasks;
  #holders = new Set();

  // status: has follow() and leave()
  // tasks:  has `running`, the jobs that run, oldest first
  constructor(status, tasks) {
    this.#status = status;
    this.#tasks = tasks;
    for (const type of ["focus", "blur"]) addEventListener(type, () => this.share());
    document.addEventListener("visibilitychange", () => this.share());
    this.#poll();
  }

  // Again whenever something has begun or ended.
  share() {
    const hasAttention = document.visibilityState === "visible" && document.hasFocus();
    const wanted = hasAttention ? [this.#status, ...this.#tasks.running.slice(0, TASKS_WITH_STREAM)] : [];
    const before = this.#holders;
    this.#holders = new Set(wanted);
    for (const one of before) if (!this.#holders.has(one)) one.leave();
    for (const one of wanted) if (!before.has(one)) one.follow();
  }

  // Also those whose stream was refused. One by one, because there may be one connection.
  async #poll() {
    this.share();
    for (const task of this.#tasks.running) {
      if (document.visibilityState === "visible" && !task.isConnected) await task.load();
    }
    setTimeout(() => this.#poll(), POLL_EVERY);
  }
}
