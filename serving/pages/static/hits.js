// The hits that are there, in order. What a list far away holds is put by as text, so that the page
// stays as small as it began, however far one scrolls; what rushes past stays so, and no picture of it is asked for.

import { turn } from "./frames.js";
import { $ } from "./page.js";

const FAR = "5000px";
const RUSH = 400; // milliseconds from list to list: four screens a second, too fast to see a picture

const putBy = new WeakMap(); // lists, with their text and their hits
const waiting = new Set(); // lists that came near in a rush
const leaving = new Set(); // lists that went far away
const lists = () => [...document.querySelectorAll("#hits .grid")];

const keeper = new IntersectionObserver(
  (entries) => entries.forEach((entry) => (entry.isIntersecting ? near(entry.target) : far(entry))),
  { rootMargin: FAR },
);

let rush = 0; // the timer that ends it; 0 where there is none

const hitsIn = (list) =>
  putBy.get(list)?.hits ??
  [...list.querySelectorAll(".tile")].map((tile) => ({ list, ...tile.dataset, href: $("a.open", tile).href }));

// All of them, each with its id, the path of its file, and the address of its picture.
export const all = () => lists().flatMap(hitsIn);

// The id of the picture at an address.
export const idOf = (href) => new URL(href, location.href).pathname.split("/").at(-1);

export function tileOf(hit) {
  bring(hit.list);
  return $(`.tile[data-id="${hit.id}"]`, hit.list);
}

// Its pictures are not asked for, until it is near and the page does not rush past.
export function undress(list) {
  for (const image of list.querySelectorAll("img[src]")) {
    image.dataset.src = image.getAttribute("src");
    image.removeAttribute("src");
  }
}

function dress(list) {
  for (const image of list.querySelectorAll("img[data-src]")) {
    image.src = image.dataset.src;
    delete image.dataset.src;
  }
}

function near(list) {
  leaving.delete(list);
  waiting.add(list);
  if (!rush) calm();
  clearTimeout(rush);
  rush = setTimeout(calm, RUSH);
}

async function calm() {
  rush = 0;
  while (waiting.size && !rush) {
    const [list] = waiting;
    waiting.delete(list);
    dress(bring(list));
    await turn();
  }
}

async function far({ target: list, boundingClientRect: { height } }) {
  waiting.delete(list);
  if (putBy.has(list)) return;
  leaving.add(list);
  await turn();
  if (leaving.delete(list)) put(list, height);
}

function put(list, height) {
  if (!list.isConnected || list.contains(document.activeElement)) return;
  undress(list); // what is on its way is no longer waited for
  putBy.set(list, { hits: hitsIn(list), text: list.innerHTML });
  list.style.height = `${height}px`;
  list.replaceChildren();
}

// The list, with what it holds.
export function bring(list) {
  const kept = putBy.get(list);
  if (!kept) return list;
  putBy.delete(list);
  list.innerHTML = kept.text;
  list.style.height = "";
  document.dispatchEvent(new Event("grown"));
  return list;
}

export const keep = (list) => keeper.observe(list);

// Other hits have come.
export function watch() {
  keeper.disconnect();
  waiting.clear();
  leaving.clear();
  lists().forEach(keep);
}
