// Starts the page: the posts, their filters and the address.

async function start() {
  const [form, help] = [document.getElementById("filters"), document.getElementById("help")];
  document.getElementById("theme").addEventListener("click", switchTheme);
  document.getElementById("keys").addEventListener("click", () => help.showModal());
  for (const link of document.querySelectorAll("a[data-part]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault(); // the address holds the filter
      const part = document.querySelector(link.getAttribute("href"));
      if (part.tagName === "DETAILS") part.open = true;
      part.scrollIntoView();
    });
  }
  const data = await unpack("data");
  prepare(data);
  const list = new CardList(data, document.getElementById("cards"));
  let state = stateOf(location.hash);

  const show = () => {
    const places = passing(data, state);
    list.show(places);
    const [count, scores] = [document.getElementById("count"), document.getElementById("scores")];
    count.textContent = `${places.length} of ${data.posts.length} posts`;
    const f1 = f1Of(data, places).map((value, i) => `${data.systems[i]} ${value.toFixed(1)}`);
    const told = places.length ? `F1 on these: ${f1.join(" · ")}` : "No post passes this filter.";
    scores.textContent = told;
  };
  const follow = () => {
    state = stateOf(location.hash);
    for (const name of FILTERS) form.elements[name].value = state[name];
    show();
    if (!state.post) return;
    const place = data.posts.findIndex((post) => post.id === state.post);
    if (list.places.includes(place)) list.goTo(place);
    else document.getElementById("count").textContent += `; ${state.post} is none of them`;
  };
  form.addEventListener("input", () => {
    state = { post: "" };
    for (const name of FILTERS) state[name] = form.elements[name].value;
    keep(state);
    show();
  });
  form.addEventListener("reset", () => {
    state = stateOf("");
    keep(state);
    show();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  addEventListener("hashchange", follow);
  listenToKeys(list, form.elements.text, help);
  follow();
  document.documentElement.dataset.ready = "";
}

start();
