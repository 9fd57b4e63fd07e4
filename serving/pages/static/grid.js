// The grid: more hits as one scrolls, and arrows to move about.

import { $, load } from "./page.js";

const AHEAD = "1600px"; // about two screens: pictures are there before they are seen

const FAR = "5000px"; // pictures this far away are let go: ten thousand would fill the memory

const links = () => $("#hits").querySelectorAll("a.open");
const tileOf = (node) => node?.closest?.("#hits .tile");
const follower = (one) => one.nextElementSibling ?? one.parentElement.nextElementSibling?.firstElementChild;
const leader = (one) => one.previousElementSibling ?? one.parentElement.previousElementSibling?.lastElementChild;
// Between tiles there may be a line that says where matches end.
const nextTile = (step) => (tile) => {
  let one = step(tile);
  while (one && !one.matches(".tile")) one = step(one);
  return one;
};
const after = nextTile(follower);
const before = nextTile(leader);

const watcher = new IntersectionObserver(
  (entries) => entries.some((entry) => entry.isIntersecting) && more(),
  { rootMargin: AHEAD },
);

const keeper = new IntersectionObserver(
  (entries) => entries.forEach((entry) => (entry.isIntersecting ? fetchAgain : letGo)(entry.target)),
  { rootMargin: FAR },
);

function letGo(list) {
  for (const image of list.querySelectorAll("img[src]")) {
    image.dataset.src = image.getAttribute("src");
    image.removeAttribute("src");
  }
}

function fetchAgain(list) {
  for (const image of list.querySelectorAll("img[data-src]")) {
    image.src = image.dataset.src;
    delete image.dataset.src;
  }
}

export function watch() {
  watcher.disconnect();
  keeper.disconnect();
  if ($("#next")) watcher.observe($("#next"));
  document.querySelectorAll("#hits .grid").forEach((list) => keeper.observe(list));
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
  append($("#hits .grid", fresh));
  const further = $("#next", fresh);
  if (further) next.replaceWith(further);
  else next.parentElement.remove();
  watch();
  document.dispatchEvent(new Event("grown"));
  return true;
}

// Each page of hits stays a list of its own, which the browser skips while it is out of sight. The
// row that the last list has only begun goes on in the new one.
function append(list) {
  if (!list) return;
  const here = document.activeElement;
  const last = $("#hits").lastElementChild;
  const top = (tile) => Math.round(tile.getBoundingClientRect().top);
  const tiles = last ? [...last.children] : [];
  list.prepend(...tiles.filter((tile) => top(tile) === top(tiles.at(-1))));
  $("#hits").append(list);
  if (list.contains(here)) here.focus({ preventScroll: true });
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

const first = () => $("#hits .tile");

function neighbour(tile, key) {
  if (key === "ArrowLeft") return before(tile);
  if (key === "ArrowRight") return after(tile);
  const step = key === "ArrowUp" ? before : after;
  const box = (one) => one.getBoundingClientRect();
  const top = (one) => Math.round(box(one).top);
  const middle = (one) => box(one).left + box(one).width / 2;
  let best = null;
  let row = null;
  for (let one = step(tile); one; one = step(one)) {
    if (top(one) === top(tile)) continue;
    row ??= top(one);
    if (top(one) !== row) break;
    const nearer = best && Math.abs(middle(one) - middle(tile)) >= Math.abs(middle(best) - middle(tile));
    if (!nearer) best = one;
  }
  return best;
}
