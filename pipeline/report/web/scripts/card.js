// One post: its picture, its words with gold and predicted entities, and what is known of it.

function drawCard(article, data, place) {
  const post = data.posts[place];
  const panel = element("div", "panel");
  panel.setAttribute("aria-live", "polite");
  const look = (token) => showLooked(panel, data, post, place, token);
  const link = element("a", "", "#");
  link.href = hashOf({ post: post.id });
  link.title = "link to this post";
  const right = post.scores.filter((score) => score.right).length;
  article.replaceChildren(
    element(
      "div", "head", element("h3", "", post.id), link,
      element("span", "quiet", `${right} of ${data.systems.length} systems right`),
    ),
    element(
      "div", "body", seen(data, post),
      element("div", "", lanes(data, post, look), facts(data, post), panel),
    ),
  );
  article.classList.add("drawn");
}

function seen(data, post) {
  if (post.picture === null) return element("div", "picture", element("div", "nothing", post.why));
  const bars = post.tags.flatMap(([word, share]) => bar(word, share, share.toFixed(2)));
  const image = picture(data, post.picture, "", post.caption || "the post’s picture");
  return element("div", "picture", image, element("div", "tags bars", ...bars));
}

// The words in a row, and below them a lane for the gold and for each system. The table takes its
// direction from the words, so that right-to-left text runs so, with its marks below it.
function lanes(data, post, look) {
  const table = element("div", "grid-lanes");
  table.dir = "auto";
  table.style.gridTemplateColumns = `auto repeat(${post.tokens.length}, auto) 1fr`;
  tokenButtons(post, look).forEach((button, i) => table.append(placed(button, 1, i + 2, i + 3)));
  table.append(...lane(data, post, 2, "gold", post.goldSpans, null));
  data.systems.forEach((name, i) => {
    table.append(...lane(data, post, i + 3, name, post.foundSpans[i], post.scores[i]));
  });
  return element("div", "lanes", table);
}

function placed(item, row, from, to) {
  item.style.gridRow = row;
  item.style.gridColumn = `${from} / ${to}`;
  return item;
}

// A button for each word; pointing at it, its focus or a tap calls `look` with its place.
function tokenButtons(post, look) {
  const buttons = post.tokens.map((token, i) => {
    const button = element("button", "token", token);
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    const chosen = () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      look(i);
    };
    for (const event of ["pointerenter", "focus", "click"]) button.addEventListener(event, chosen);
    return button;
  });
  return buttons;
}

// The elements of one row: who says it, a thread through the row, and the entities.
function lane(data, post, row, name, spans, score) {
  const sign = score === null ? "" : score.right ? "✓" : "✗";
  const kind = score === null ? "lane-name gold" : "lane-name";
  const label = element("div", kind, element("span", "name", name), element("span", "", sign));
  label.dir = "ltr";
  label.title = name;
  const gold = new Set(post.goldSpans.map(nameOf));
  return [
    placed(label, row, 1, 2),
    placed(element("div", "thread"), row, 2, post.tokens.length + 3),
    ...spans.map((span) => {
      const right = score === null ? null : gold.has(nameOf(span));
      return placed(mark(data, span, right), row, span.start + 2, span.end + 2);
    }),
  ];
}

// An entity: its type by colour and by name; right and wrong by border and by sign.
function mark(data, span, right) {
  const type = data.types[span.type];
  const kind = right === null ? "gold" : right ? "right" : "wrong";
  const made = element("div", `span t${span.type % 8} ${kind}`, element("span", "", type));
  made.dir = "ltr";
  if (right === null && span.unseen) made.append(element("span", "unseen", "unseen"));
  if (right !== null) made.append(element("span", "sign", right ? "✓" : "✗"));
  return made;
}

function facts(data, post) {
  const list = element("dl", "facts");
  const fact = (name, value) => {
    list.append(element("dt", "", name), element("dd", "", value));
  };
  if (post.caption) fact("caption", words("span", "", post.caption));
  for (const [token, split] of post.hashtags) fact(token, words("span", "", split));
  const known = post.knowledge;
  fact("knowledge", known.path ? knowledge(data, known) : element("span", "quiet", known.reason));
  return list;
}

function knowledge(data, known) {
  const path = element("div", "path");
  path.append(words("span", "node", known.mention), element("span", "edge", "→"));
  known.path.forEach((name, i) => {
    const arrow = name.startsWith("^") ? `← ${name.slice(1)} —` : `— ${name} →`;
    path.append(i % 2 ? element("span", "edge", arrow) : words("span", "node", name));
  });
  const hops = known.hop === 1 ? "1 hop" : `${known.hop} hops`;
  const cosine = known.similarity;
  const alike = cosine === null ? "" : `, pictures alike by ${cosine.toFixed(2)}`;
  path.append(element("span", "edge", hops + alike));
  const triples = known.triples.map((triple) => words("li", "", triple.join(" · ")));
  return element(
    "div", "", path, element("ul", "triples", ...triples),
    known.reason ? element("div", "quiet", known.reason) : null,
    known.picture === null ? null : picture(data, known.picture, "depicted", known.path.at(-1)),
  );
}
