// The keyboard, and the switch between light and dark.

function switchTheme() {
  const root = document.documentElement;
  const preferred = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  root.style.colorScheme = (root.style.colorScheme || preferred) === "dark" ? "light" : "dark";
}

function listenToKeys(list, search, help) {
  const actions = {
    j: () => list.step(1),
    k: () => list.step(-1),
    "/": () => search.focus(),
    "?": () => (help.open ? help.close() : help.showModal()),
    d: switchTheme,
  };
  document.addEventListener("keydown", (event) => {
    const writing = event.target.matches("input, select, textarea");
    if (event.key === "Escape" && writing) event.target.blur();
    if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (actions[event.key]) {
      event.preventDefault();
      actions[event.key]();
    }
  });
}
