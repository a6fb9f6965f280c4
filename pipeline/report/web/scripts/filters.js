// Which posts pass a filter, and how well the systems did on those that do.

// Adds to each post what the filters ask: its text in lower case and, for each system, the numbers
// of correct and predicted entities and whether it is right about the post.
function prepare(data) {
  for (const post of data.posts) {
    post.searched = [
      post.id, post.image ?? "", post.tokens.join(" "), post.caption,
      ...post.tags.map(([word]) => word), ...post.hashtags.map(([, split]) => split),
    ].join("\n").toLowerCase();
    post.goldSpans = spansOf(post.gold, 4);
    const gold = new Set(post.goldSpans.map(nameOf));
    post.foundSpans = post.found.map((flat) => spansOf(flat, 3));
    post.scores = post.foundSpans.map((spans) => {
      const correct = spans.filter((span) => gold.has(nameOf(span))).length;
      const right = correct === spans.length && correct === gold.size;
      return { correct, predicted: spans.length, right };
    });
  }
}

function spansOf(flat, width) {
  const spans = [];
  for (let i = 0; i < flat.length; i += width) {
    const [start, end, type, unseen] = flat.slice(i, i + width);
    spans.push({ start, end, type, unseen: unseen === 1 });
  }
  return spans;
}

const nameOf = (span) => `${span.start} ${span.end} ${span.type}`;
const hasKnowledge = (post) => Boolean(post.knowledge.path) && post.knowledge.reason === "";

// The posts that pass, by their places.
function passing(data, state) {
  const right = data.systems.indexOf(state.right);
  const wrong = data.systems.indexOf(state.wrong);
  const type = data.types.indexOf(state.type);
  const unseen = state.entities === "unseen";
  const asked = state.text.trim().toLowerCase();
  const tests = [
    state.right && ((post) => right >= 0 && post.scores[right].right),
    state.wrong && ((post) => wrong >= 0 && !post.scores[wrong].right),
    state.type && ((post) => post.goldSpans.some((span) => span.type === type)),
    state.picture && ((post) => (post.picture !== null) === (state.picture === "with")),
    state.entities && ((post) => post.goldSpans.some((span) => span.unseen === unseen)),
    state.knowledge && ((post) => hasKnowledge(post) === (state.knowledge === "found")),
    asked && ((post) => post.searched.includes(asked)),
  ].filter(Boolean);
  const places = [];
  data.posts.forEach((post, place) => {
    if (tests.every((test) => test(post))) places.push(place);
  });
  return places;
}

// Strict F1 in percent of each system's first seed on the posts of these places.
function f1Of(data, places) {
  let gold = 0;
  const sums = data.systems.map(() => ({ correct: 0, predicted: 0 }));
  for (const place of places) {
    const post = data.posts[place];
    gold += post.goldSpans.length;
    post.scores.forEach((score, system) => {
      sums[system].correct += score.correct;
      sums[system].predicted += score.predicted;
    });
  }
  return sums.map(({ correct, predicted }) => (200 * correct) / (predicted + gold || 1));
}
