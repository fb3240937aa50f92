// The state of a connection, as it is shown everywhere: a light, a word, and what the user
// should know about it.

// element: has the parts `.connection` and `.trouble`
export function showConnection(element, { state, trouble, reconnects = 0 }) {
  const light = element.querySelector(".connection");
  light.dataset.state = state;
  light.textContent = reconnects > 0 ? `${state}, reconnected: ${reconnects}` : state;
  element.querySelector(".trouble").textContent = trouble;
}
