// One picture over the grid, which stays as it is. Its address is that of the page of the picture.

import { beside, focus, more } from "./grid.js";
import { $, load, root, say, unreachable } from "./page.js";
import * as viewer from "./viewer.js";

const dialog = $("#detail");
const depth = () => history.state?.depth ?? 0;

export const isDetail = (href) => new RegExp(`^${root}images/\\d+$`).test(new URL(href, location.href).pathname);
export const isOpen = () => dialog.open;

// The picture at an address: as a new step of the history, or in place of the one that is open.
export async function open(href, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"]({ depth: depth() + !replace }, "", href);
  await fill(href);
}

export async function fill(href) {
  let fresh;
  try {
    fresh = await load(href);
  } catch {
    hide();
    say("No answer", unreachable);
    return;
  }
  if (location.href !== new URL(href, location.href).href) return; // gone on meanwhile
  const content = $("article.detail", fresh) ?? $(".notice", fresh);
  dialog.replaceChildren(content);
  document.title = fresh.title;
  if ($(".moves", content)) {
    addMove(content, href, -1, "back", "Previous picture");
    addMove(content, href, 1, "forth", "Next picture");
  }
  viewer.fresh();
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  ($(".back", content) ?? content).focus();
}

function addMove(content, href, step, icon, label) {
  const there = beside(href, step);
  if (!there) return;
  const link = document.createElement("a");
  link.href = there;
  link.className = "round";
  link.dataset.step = step;
  link.title = `${label} (arrow key)`;
  link.innerHTML = `<svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"><path d="${icon === "back" ? "m14 6-6 6 6 6" : "m10 6 6 6-6 6"}"/></svg><span class="hidden"></span>`;
  $(".hidden", link).textContent = label;
  $(".back", content).before(link);
}

// The hit before or after; false where there is none.
export async function step(by) {
  const here = location.href;
  if (by > 0 && !beside(here, 1)) await more();
  const there = beside(here, by);
  if (there) await open(there, { replace: true });
  return Boolean(there);
}

// Back to the grid, over all pictures that were opened one from another.
export function close() {
  if (depth()) history.go(-depth());
}

// The grid again, at the picture that was open. The history is there already.
export function hide() {
  if (!dialog.open) return;
  const last = $("article.detail", dialog)?.dataset.id;
  viewer.big(false);
  dialog.close();
  dialog.replaceChildren();
  if (last) focus(`${root}images/${last}`);
}

export function listen() {
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (!viewer.escape()) close();
  });
  viewer.listen(step);
}
