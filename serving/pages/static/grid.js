// The grid: more hits as one scrolls, and arrows to move about.

import { turn } from "./frames.js";
import * as hits from "./hits.js";
import { $, parsed, textAt } from "./page.js";

const AHEAD = "130%"; // of the window, where the browser draws what comes; it skips what is further away

const AT_ONCE = 8; // tiles that are put in for one frame

const STILL = 500; // milliseconds without scrolling until the page stands still

const tileAround = (node) => node?.closest?.("#hits .tile");
const follower = (one) => one.nextElementSibling ?? hits.bring(one.parentElement.nextElementSibling)?.firstElementChild;
const leader = (one) => one.previousElementSibling ?? hits.bring(one.parentElement.previousElementSibling)?.lastElementChild;
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

// While the page moves, what tiles show to a mouse over them is not laid out: half of a frame's work.
let still = 0;
export function listen() {
  const moving = (on) => $("#page").classList.toggle("moving", on);
  addEventListener("scroll", () => {
    moving(true);
    clearTimeout(still);
    still = setTimeout(moving, STILL, false);
  });
}

function watchNext() {
  watcher.disconnect();
  if ($("#next")) watcher.observe($("#next"));
}

export function watch() {
  watchNext();
  hits.watch();
}

// The next hits behind those that are there; false where there are no more.
export async function more() {
  const next = $("#next");
  if (!next || next.dataset.loading) return false;
  next.dataset.loading = "yes";
  let text;
  try {
    text = await textAt(next.href);
  } catch {
    delete next.dataset.loading; // a click on the link tries again
    return false;
  }
  await turn();
  if (!next.isConnected) return false; // another search has come
  const fresh = parsed(text);
  await append($("#hits .grid", fresh));
  if (!next.isConnected) return false;
  const further = $("#next", fresh);
  if (further) next.replaceWith(further);
  else next.parentElement.remove();
  watchNext();
  document.dispatchEvent(new Event("grown"));
  return true;
}

// Each page of hits stays a list of its own, which the browser skips while it is out of sight. The
// row that the last list has only begun goes on in the new one.
async function append(list) {
  if (!list) return;
  hits.undress(list);
  const here = document.activeElement;
  const last = hits.bring($("#hits").lastElementChild);
  const top = (tile) => Math.round(tile.getBoundingClientRect().top);
  const tiles = last ? [...last.children] : [];
  const begun = tiles.filter((tile) => top(tile) === top(tiles.at(-1)));
  const fresh = [...list.children];
  list.replaceChildren(...begun);
  $("#hits").append(list);
  if (list.contains(here)) here.focus({ preventScroll: true });
  while (fresh.length) {
    await turn();
    list.append(...fresh.splice(0, AT_ONCE));
  }
  hits.keep(list);
}

// The hit before or after the one at this address; undefined at the ends.
export function beside(href, step) {
  const all = hits.all();
  const here = all.findIndex(({ id }) => id === hits.idOf(href));
  return here < 0 ? undefined : all[here + step]?.href;
}

// Puts the focus on the hit at this address, where it is in the grid.
export function focus(href) {
  const hit = hits.all().find(({ id }) => id === hits.idOf(href));
  if (hit) focusOn(hits.tileOf(hit));
}

function focusOn(tile) {
  $("a.open", tile).focus({ preventScroll: true });
  tile.scrollIntoView({ block: "nearest" });
}

// What an arrow key does; true where it did something.
export function move(key) {
  const from = tileAround(document.activeElement);
  const to = from ? neighbour(from, key) : key === "ArrowUp" || key === "ArrowLeft" ? null : first();
  if (!to) return false;
  focusOn(to);
  return true;
}

function first() {
  const list = hits.bring($("#hits .grid"));
  return list && $(".tile", list);
}

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
