// How a job may end, in words. `end` is the last event: its type, and its data, of which a
// part is what the service said. So these are not objects, which know a "constructor", too.

const FAILURES = new Map([
  // What the message adds to these is nothing.
  ["cut", () => "The service's stream broke off before its end."],
  ["silent", () => "The service sent nothing any more, and did not end its stream."],
  // These are the words of a service, or of a task, and somebody has to say whose.
  ["error", (message) => `The service reported an error, within its stream: ${message}`],
  ["task", (message) => `The task failed: ${message}`],
  // These messages of the server say all.
  ["refused", sentence],
  ["unreachable", sentence],
  ["invalid", sentence],
  ["gone", sentence],
]);

const REASONS = new Map([
  ["stop", "Finished."],
  ["end_turn", "Finished."],
  ["length", "Ended by the service's limit of length."],
  ["max_tokens", "Ended by the service's limit of length."],
  ["tool_calls", "Finished with a tool call."],
  ["tool_use", "Finished with a tool call."],
]);

export function endInWords({ event, data }) {
  if (event === "stopped") return "Stopped.";
  if (event === "failed") return (FAILURES.get(data.kind) ?? unknown)(data.message);
  return REASONS.get(data.reason) ?? (data.reason ? `Finished: ${data.reason}.` : "Finished.");
}

const unknown = (message) => `Failed: ${message}`;

function sentence(message) {
  const begun = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
