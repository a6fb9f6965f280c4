// What the systems looked at for one token of a post: regions of its picture, words, modalities.

const SHOWN_WORDS = 5;
const chunks = new Map(); // number -> the promise of its content

async function lookedAt(data, place) {
  const number = Math.floor(place / data.chunk);
  if (!chunks.has(number)) chunks.set(number, unpack(`looked-${number}`));
  return (await chunks.get(number))[place] ?? [];
}

// The values of one entry for a token, from 0 to its largest; null where the token has none.
function valuesOf([, , tokens, width, largest, data], token) {
  const row = tokens.indexOf(token);
  if (row < 0) return null;
  const bytes = bytesOf(data).subarray(row * width, (row + 1) * width);
  return Array.from(bytes, (byte) => (byte / 255) * largest);
}

// Fills `panel` for a token; a later call for another token wins.
async function showLooked(panel, data, post, place, token) {
  panel.dataset.token = token;
  const entries = await lookedAt(data, place);
  if (panel.dataset.token !== String(token)) return;
  const sections = new Map();
  const late = ([, kind]) => Number(kind !== "region_weights"); // pictures come first
  for (const entry of [...entries].sort((a, b) => late(a) - late(b) || a[0] - b[0])) {
    const [system, kind] = entry;
    const values = valuesOf(entry, token);
    if (values === null) continue;
    if (!sections.has(system)) {
      sections.set(system, element("section", "saw", element("h4", "", data.systems[system])));
    }
    sections.get(system).append(...kindOf(data, post, system, kind, values));
  }
  const title = element("p", "quiet", "What the systems looked at for ");
  title.append(words("b", "", post.tokens[token]));
  if (!sections.size) title.append(": no system tells of this word");
  panel.replaceChildren(title, element("div", "saw-all", ...sections.values()));
}

// The elements that show one kind of values of a system.
function kindOf(data, post, system, kind, values) {
  const title = kind.replaceAll("_", " ");
  if (kind === "region_weights" && post.picture !== null) return [overlay(data, post, values)];
  if (kind === "word_weights") return [titled(title, highest(post.tokens, values))];
  if (kind === "knowledge_weights") {
    return [titled(title, highest(post.knowledge.words ?? [], values))];
  }
  const names = data.names[system][kind];
  if (names) {
    return [titled(title, values.flatMap((value, i) => bar(names[i], value, value.toFixed(2))))];
  }
  if (values.length === 3) {
    const [low, mean, high] = values;
    return [titled("", bar(title, mean, mean.toFixed(2), [low, high]))];
  }
  return [titled("", values.flatMap((value) => bar(title, value, value.toFixed(2))))];
}

function titled(title, rows) {
  const box = element("div", "bars", ...rows);
  return title ? element("div", "", element("div", "quiet", title), box) : box;
}

function highest(names, values) {
  const named = values.map((value, i) => [value, names[i] ?? `${i + 1}`]);
  const best = named.sort((a, b) => b[0] - a[0]).slice(0, SHOWN_WORDS);
  const top = best[0]?.[0] || 1;
  return best.flatMap(([value, name]) => bar(name, value / top, value.toFixed(2)));
}

// The picture with its regions' weights: the stronger, the brighter. Full brightness is the
// strongest weight, but at least twice an even share, so that weights all alike look dim.
function overlay(data, post, values) {
  const side = Math.round(Math.sqrt(values.length));
  const image = picture(data, post.picture, "", "the picture, its regions shaded by their weights");
  const canvas = element("canvas");
  const most = Math.max(...values);
  const full = Math.max(most, 2 / values.length);
  image.addEventListener("load", () => {
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const brush = canvas.getContext("2d");
    brush.fillStyle = "rgb(0 0 0 / 0.45)";
    brush.fillRect(0, 0, canvas.width, canvas.height);
    // The network saw the whole picture (cover 0), or a square in its centre.
    const square = data.cover * Math.min(canvas.width, canvas.height);
    const [width, height] = data.cover ? [square, square] : [canvas.width, canvas.height];
    const [left, top] = [(canvas.width - width) / 2, (canvas.height - height) / 2];
    values.forEach((value, i) => {
      const [column, row] = [i % side, Math.floor(i / side)];
      const corner = [left + (width * column) / side, top + (height * row) / side];
      const cell = [...corner, width / side, height / side];
      brush.clearRect(...cell);
      brush.fillStyle = `rgb(0 0 0 / ${0.45 * (1 - value / full)})`;
      brush.fillRect(...cell);
      brush.fillStyle = `rgb(255 122 0 / ${0.6 * (value / full)})`;
      brush.fillRect(...cell);
    });
    brush.strokeStyle = "rgb(255 255 255 / 0.8)";
    brush.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1);
  });
  const even = (1 / values.length).toFixed(3);
  const grid = `${side} × ${side} regions`;
  const caption = `${grid}: at most ${most.toFixed(3)}; an even share is ${even}`;
  const shaded = element("div", "overlay", image, canvas);
  return element("div", "", shaded, element("div", "quiet", caption));
}
