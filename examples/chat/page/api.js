// Requests to the server. Whatever it refuses becomes an `ApiError`, whose message is for
// the user to read.

export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export const get = (path) => json("GET", path);
export const post = (path, body) => json("POST", path, body);
export const remove = (path) => json("DELETE", path);

async function json(method, path, body) {
  const headers = { Accept: "application/json" };
  const response = await request(method, path, headers, body);
  return response.status === 204 ? null : response.json();
}

export async function request(method, path, headers, body, signal) {
  const options = { method, headers, signal };
  if (body !== undefined) {
    options.headers = { ...headers, "Content-Type": "application/json" };
    options.body = JSON.stringify(body);
  }
  return checked(await fetch(path, options).catch(unreachable));
}

// Browsers call that "Failed to fetch", or something else.
function unreachable(error) {
  throw error.name === "AbortError" ? error : new Error("The server cannot be reached");
}

async function checked(response) {
  if (response.ok) return response;
  const says = await response.json().catch(() => ({}));
  const why = typeof says.error === "string" ? says.error : response.statusText;
  throw new ApiError(response.status, `${why || "The server refused"} (${response.status})`);
}
