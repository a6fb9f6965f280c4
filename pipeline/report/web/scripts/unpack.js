// Data inside the page: base64 of gzip of JSON, and base64 of JPEG.

const parsed = new Promise((resolve) => {
  // Data stand behind this script, so that the first posts are drawn before all pictures are read.
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", resolve, { once: true });
  } else {
    resolve();
  }
});

async function contentOf(id) {
  if (!document.getElementById(id)) await parsed;
  return document.getElementById(id).textContent;
}

function bytesOf(base64) {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function unpack(id) {
  const stream = new Blob([bytesOf(await contentOf(id))]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).json();
}

async function showPicture(image, number) {
  image.src = "data:image/jpeg;base64," + (await contentOf(`picture-${number}`));
}
