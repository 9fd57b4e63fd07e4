// The grid: more hits as one scrolls, and arrows to move about.

import { $, load } from "./page.js";

const AHEAD = "1600px"; // about two screens: pictures are there before they are seen

const links = () => $("#hits").querySelectorAll("a.open");
const tileOf = (node) => node?.closest?.("#hits > .tile");

const watcher = new IntersectionObserver(
  (entries) => entries.some((entry) => entry.isIntersecting) && more(),
  { rootMargin: AHEAD },
);

export function watch() {
  watcher.disconnect();
  if ($("#next")) watcher.observe($("#next"));
}

// The next hits behind those that are there; false where there are no more.
export async function more() {
  const next = $("#next");
  if (!next || next.dataset.loading) return false;
  next.dataset.loading = "yes";
  let fresh;
  try {
    fresh = await load(next.href);
  } catch {
    delete next.dataset.loading; // a click on the link tries again
    return false;
  }
  if (!next.isConnected) return false; // another search has come
  $("#hits").append(...fresh.querySelectorAll("#hits > .tile"));
  const after = $("#next", fresh);
  if (after) next.replaceWith(after);
  else next.parentElement.remove();
  watch();
  return true;
}

// The hit before or after the one at this address; undefined at the ends.
export function beside(href, step) {
  const all = [...links()];
  const here = all.findIndex((link) => link.pathname === new URL(href, location.href).pathname);
  return here < 0 ? undefined : all[here + step]?.href;
}

// Puts the focus on the hit at this address, where it is in the grid.
export function focus(href) {
  const path = new URL(href, location.href).pathname;
  const link = [...links()].find((one) => one.pathname === path);
  link?.focus({ preventScroll: true });
  tileOf(link)?.scrollIntoView({ block: "nearest" });
}

// What an arrow key does; true where it did something.
export function move(key) {
  const from = tileOf(document.activeElement);
  const to = from ? neighbour(from, key) : key === "ArrowUp" || key === "ArrowLeft" ? null : first();
  if (!to) return false;
  $("a.open", to).focus({ preventScroll: true });
  to.scrollIntoView({ block: "nearest" });
  return true;
}

const first = () => $("#hits > .tile");

function neighbour(tile, key) {
  if (key === "ArrowLeft") return tile.previousElementSibling;
  if (key === "ArrowRight") return tile.nextElementSibling;
  const step = key === "ArrowUp" ? "previousElementSibling" : "nextElementSibling";
  const middle = (one) => one.offsetLeft + one.offsetWidth / 2;
  let best = null;
  let row = null;
  for (let one = tile[step]; one; one = one[step]) {
    if (one.offsetTop === tile.offsetTop) continue;
    row ??= one.offsetTop;
    if (one.offsetTop !== row) break;
    const nearer = best && Math.abs(middle(one) - middle(tile)) >= Math.abs(middle(best) - middle(tile));
    if (!nearer) best = one;
  }
  return best;
}
