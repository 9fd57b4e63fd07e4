// What makes the page live. Without it, the same links and forms work, a page at a time.

import * as albums from "./albums.js";
import * as detail from "./detail.js";
import * as grid from "./grid.js";
import { $, fromHere, go, isShown, root, show, shownHref } from "./page.js";
import * as picture from "./picture.js";
import * as place from "./place.js";
import * as selection from "./selection.js";
import * as viewer from "./viewer.js";

const PAUSE = 180; // milliseconds without a key until a question is asked
const ARROWS = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];

let waiting = 0;
let typing = false; // what is typed in one go is one step of the history

function ask() {
  clearTimeout(waiting);
  const pairs = [...new FormData($("#search"))].filter(([, value]) => value.trim());
  const text = new URLSearchParams(pairs).toString();
  const href = text ? `${root}?${text}` : root;
  if (isShown(href)) return;
  scrollTo(0, 0);
  go(href, { replace: typing, typed: true });
  typing = true;
}

function listenToTyping() {
  $("#q").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(ask, PAUSE);
  });
  $("#q").addEventListener("blur", () => (typing = false));
  $("#search").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
    typing = false;
    if (matchMedia("(hover: none)").matches) $("#q").blur(); // the keyboard hides the hits
  });
}

function listenToLinks() {
  document.addEventListener("click", (event) => {
    closeMenus(event.target);
    const link = event.target.closest("a[href]");
    const plain = !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || event.button);
    if (!link || !plain || link.target || link.origin !== location.origin || link.hash) return;
    if (link.id === "next") {
      event.preventDefault();
      grid.more();
    } else if (link.matches("dialog .back")) {
      event.preventDefault();
      detail.close();
    } else if (detail.isDetail(link.href)) {
      event.preventDefault();
      detail.open(link.href, { replace: "step" in link.dataset });
    } else if (link.pathname === root) {
      event.preventDefault();
      follow(link.closest("#filters, main") ? fromHere(link.href) : link.href);
    }
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".typed")) return;
    event.preventDefault();
    const pairs = [...new FormData(event.target)].filter(([, value]) => value);
    follow(fromHere(`${location.origin}${root}?${new URLSearchParams(pairs)}`));
  });
  addEventListener("popstate", () => {
    clearTimeout(waiting);
    if (detail.isDetail(location.href)) {
      detail.fill(location.href);
      return;
    }
    detail.hide();
    if (!isShown(location.href)) show(location.href);
  });
}

// To other hits, from the top.
function follow(href) {
  clearTimeout(waiting);
  detail.hide();
  $("#page").focus({ preventScroll: true });
  scrollTo(0, 0);
  go(href);
}

function closeMenus(except) {
  for (const menu of document.querySelectorAll(".facet[open]")) {
    if (!menu.contains(except)) menu.open = false;
  }
}

// A menu near the right edge moves to the left, as far as it takes to be whole.
function keepInside(event) {
  const menu = event.target.matches?.(".facet[open]") && $(".menu", event.target);
  if (!menu) return;
  menu.style.left = "";
  const over = menu.getBoundingClientRect().right + 8 - document.body.clientWidth;
  if (over > 0) menu.style.left = `${-over}px`;
}

function listenToKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = document.activeElement;
    const inBox = here === $("#q");
    const writes = here.matches("input:not([type=file]), select, textarea") && !inBox;
    if ($("#keys").open || $("#album").open) return;
    if (event.key === "?" && !inBox && !writes) {
      event.preventDefault();
      $("#keys").showModal();
    } else if (detail.isOpen()) {
      if (viewer.key(event.key)) event.preventDefault();
      else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
        event.preventDefault();
        detail.step(event.key === "ArrowLeft" ? -1 : 1);
      }
    } else if (event.key === "Escape") {
      const menu = $(".facet[open]");
      closeMenus(null);
      if (menu) $("summary", menu).focus();
      else if (inBox || !selection.clear()) here.blur();
    } else if (event.key.toLowerCase() === "x" && here.closest(".tile")) {
      const range = event.shiftKey && { range: true, on: true };
      selection.toggle(here.closest(".tile"), range || {});
    } else if (event.key === "/" && !inBox && !writes) {
      event.preventDefault();
      $("#q").select();
    } else if (ARROWS.includes(event.key) && !writes && !here.closest(".facet")) {
      if (inBox && event.key !== "ArrowDown") return;
      const from = here.closest(".tile");
      if (!grid.move(event.key)) return;
      event.preventDefault();
      if (!event.shiftKey || !from) return;
      selection.toggle(from, { on: true });
      selection.toggle(document.activeElement.closest(".tile"), { range: true, on: true });
    }
  });
}

if ($("#hits")) {
  listenToTyping();
  listenToLinks();
  listenToKeys();
  document.addEventListener("toggle", keepInside, true);
  detail.listen();
  picture.listen();
  selection.listen();
  albums.listen();
  document.addEventListener("swapped", grid.watch);
  grid.listen();
  grid.watch();
  $("#keys-open").addEventListener("click", () => $("#keys").showModal());
  place.listen(shownHref);
} else {
  // A page without a grid goes to one, as without JavaScript.
  $("#by-picture input")?.addEventListener("change", (event) => event.target.form.submit());
}
