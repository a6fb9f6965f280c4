// What is asked for, as the address holds it: #text=cat&right=cwi, or #post=test/12.

const FILTERS = ["text", "right", "wrong", "type", "picture", "entities", "knowledge"];

function stateOf(hash) {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  const state = { post: given.get("post") ?? "" };
  for (const name of FILTERS) state[name] = given.get(name) ?? "";
  return state;
}

function hashOf(state) {
  const given = Object.entries(state).filter(([, value]) => value);
  return given.length ? `#${new URLSearchParams(given)}` : "";
}

function keep(state) {
  history.replaceState(null, "", hashOf(state) || location.pathname + location.search);
}
