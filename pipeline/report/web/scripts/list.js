// The list of cards: a card is drawn when it comes near the window, so that thousands cost little.

const DRAWN_FIRST = 2; // cards, about a window
const SHOWN_FIRST = 50;
const DRAWN_BEFORE = 4; // cards; fewer stand within the margin below

class CardList {
  constructor(data, box) {
    this.data = data;
    this.box = box;
    this.places = [];
    this.current = null; // the place of the post that the keys stand on
    this.near = new IntersectionObserver(
      (entries) => {
        for (const entry of entries) {
          if (entry.isIntersecting) this.draw(Number(entry.target.dataset.place));
        }
      },
      { rootMargin: "800px 0px" },
    );
    this.articles = data.posts.map((post, place) => {
      const article = element("article", "card");
      article.tabIndex = -1;
      article.dataset.place = place;
      article.dataset.post = post.id;
      this.near.observe(article);
      return article;
    });
  }

  // The first cards are drawn at once, since the observer speaks only after the next frame; most
  // of a long list joins it after that frame, too.
  show(places) {
    this.places = places;
    places.slice(0, DRAWN_FIRST).forEach((place) => this.draw(place));
    this.box.replaceChildren(...places.slice(0, SHOWN_FIRST).map((place) => this.articles[place]));
    requestAnimationFrame(() => setTimeout(() => this.complete()));
  }

  complete() {
    const rest = this.places.slice(this.box.childElementCount);
    this.box.append(...rest.map((place) => this.articles[place]));
  }

  draw(place) {
    const article = this.articles[place];
    if (article.classList.contains("drawn")) return;
    this.near.unobserve(article);
    drawCard(article, this.data, place);
  }

  goTo(place) {
    this.complete();
    const article = this.articles[place];
    // With those before it, which would push it down when they are drawn later.
    const at = this.places.indexOf(place);
    this.places.slice(Math.max(0, at - DRAWN_BEFORE), at + 1).forEach((near) => this.draw(near));
    if (this.current !== null) this.articles[this.current].classList.remove("current");
    this.current = place;
    article.classList.add("current");
    article.focus({ preventScroll: true });
    article.scrollIntoView({ block: "start" });
  }

  // The next post that is shown, or the one before.
  step(by) {
    if (!this.places.length) return;
    const at = this.places.indexOf(this.current);
    const next = at < 0 ? (by > 0 ? 0 : this.places.length - 1) : at + by;
    this.goTo(this.places[Math.max(0, Math.min(next, this.places.length - 1))]);
  }
}
