// Elements of the page. Words of posts become text nodes and never markup.

function element(name, kind, ...children) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  made.append(...children.filter((child) => child !== null));
  return made;
}

// Words in their own direction, whatever the direction of what stands around them.
function words(name, kind, text) {
  const made = element(name, kind, text);
  made.dir = "auto";
  return made;
}

// The picture of a number; its place is kept while it is not there yet.
function picture(data, number, kind, alt) {
  const image = element("img", kind);
  image.alt = alt;
  [image.width, image.height] = data.pictures[number];
  showPicture(image, number);
  return image;
}

// A row of `bars`: a name, a bar of a share from 0 to 1, its value; `spread` is a range or null.
function bar(name, share, value, spread = null) {
  const rail = element("div", "rail");
  const fill = element("div", "fill");
  fill.style.width = `${100 * Math.min(1, share)}%`;
  rail.append(fill);
  if (spread) {
    const range = element("div", "spread");
    range.style.left = `${100 * spread[0]}%`;
    range.style.width = `${100 * (spread[1] - spread[0])}%`;
    rail.append(range);
  }
  return [words("span", "name", name), rail, element("span", "value", value)];
}
