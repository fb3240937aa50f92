// How a job may end, in words. `end` is the last event: its type, and its data, of which a
// part is what the service said. So these are not objects, which know a "constructor", too.

const FAILURES = new Map([
  ["error", "The service reported an error, within its stream"],
  ["cut", "The service's stream broke off before its end"],
  ["silent", "The service sent nothing any more, and did not end its stream"],
  ["refused", "The service refused the request"],
  ["unreachable", "The service cannot be reached"],
  ["invalid", "What the service sent is not an event stream, or too large"],
  ["gone", "The server that ran it is gone"],
  ["task", "The task failed"],
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
  if (event === "failed") return `${FAILURES.get(data.kind) ?? "Failed"}: ${data.message}`;
  return REASONS.get(data.reason) ?? (data.reason ? `Finished: ${data.reason}.` : "Finished.");
}
