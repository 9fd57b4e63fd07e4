// The open picture: close up, over the whole screen, one after another, and by swipes.

import { $ } from "./page.js";

const EACH = 5000; // milliseconds that a slideshow stays with a picture
const CLOSE = 2.5; // times, of a click
const CLOSEST = 8;
const SWIPE = 60; // pixels across that are more than a tap

const dialog = $("#detail");
const frame = () => $(".frame", dialog);
const isBig = () => dialog.classList.contains("big");

let zoom = 1;
let x = 0;
let y = 0;
let from = null; // where a finger or a button went down
let playing = 0;
let step = () => false;

function draw() {
  const { clientWidth: width, clientHeight: height } = frame();
  x = Math.min(0, Math.max(x, width * (1 - zoom)));
  y = Math.min(0, Math.max(y, height * (1 - zoom)));
  for (const image of frame().querySelectorAll("img")) {
    image.style.transform = zoom === 1 ? "" : `translate(${x}px, ${y}px) scale(${zoom})`;
  }
  frame().classList.toggle("close", zoom > 1);
  const image = $("img", frame());
  if (zoom > 1 && image.dataset.full) {
    image.src = image.dataset.full;
    delete image.dataset.full;
  }
}

// Closer by a factor, to a point of the window; without one to the middle.
function closer(factor, point) {
  const box = frame().getBoundingClientRect();
  const left = point ? point.clientX - box.left : box.width / 2;
  const top = point ? point.clientY - box.top : box.height / 2;
  const last = zoom;
  zoom = Math.min(CLOSEST, Math.max(1, zoom * factor));
  x = left - ((left - x) * zoom) / last;
  y = top - ((top - y) * zoom) / last;
  draw();
}

// Over the whole screen or not; where the browser has no full screen, over its window.
export function big(on) {
  dialog.classList.toggle("big", on);
  if (on) document.documentElement.requestFullscreen?.().catch(() => {});
  else if (document.fullscreenElement) document.exitFullscreen();
  if (!on) pause();
  if (frame()) closer(0);
  told();
}

function pause() {
  clearInterval(playing);
  playing = 0;
  told();
}

function play() {
  if (playing) return pause();
  big(true);
  playing = setInterval(async () => !(await step(1)) && pause(), EACH);
  told();
}

function told() {
  const [whole, show] = ["whole", "show"].map((name) => $(`[data-does=${name}]`, dialog));
  whole?.setAttribute("aria-pressed", isBig());
  show?.setAttribute("aria-pressed", Boolean(playing));
}

// Does what a key asks for, to a picture; false where it asks for nothing here.
export function key(name) {
  if (!frame()) return false;
  if (name === "f") big(!isBig());
  else if (name === "s") play();
  else if (name === "+" || name === "=") closer(1.5);
  else if (name === "-") closer(1 / 1.5);
  else if (name === "0") closer(0);
  else return false;
  return true;
}

// Escape: back from the whole screen first.
export function escape() {
  if (!isBig()) return false;
  big(false);
  return true;
}

// A picture was put into the dialog.
export function fresh() {
  zoom = 1;
  x = y = 0;
  if (!frame()) return;
  for (const [does, label, path] of [
    ["whole", "Full screen (f)", "M5 10V5h5M19 10V5h-5M5 14v5h5M19 14v5h-5"],
    ["show", "Slideshow (s)", "m9 6.5 8.5 5.5L9 17.5z"],
  ]) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "round";
    button.dataset.does = does;
    button.title = label;
    button.ariaLabel = label.replace(/ \(.*/, "");
    button.innerHTML = `<svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"><path d="${path}"/></svg>`;
    button.addEventListener("click", () => key(does === "whole" ? "f" : "s"));
    $(".moves", dialog).prepend(button);
  }
  told();
}

export function listen(stepping) {
  step = stepping;
  document.addEventListener("fullscreenchange", () => !document.fullscreenElement && isBig() && big(false));
  const inFrame = (event) => event.target.closest?.("#detail .frame");
  dialog.addEventListener("pointerdown", (event) => {
    if (!inFrame(event)) return;
    from = { x: event.clientX, y: event.clientY, moved: false };
    if (zoom > 1) event.preventDefault(); // the picture is not dragged out
  });
  dialog.addEventListener("pointermove", (event) => {
    if (!from || zoom === 1 || !inFrame(event)) return;
    x += event.movementX;
    y += event.movementY;
    from.moved ||= Math.hypot(event.clientX - from.x, event.clientY - from.y) > 4;
    draw();
  });
  dialog.addEventListener("dragstart", (event) => inFrame(event) && event.preventDefault());
  addEventListener("pointerup", (event) => {
    const began = from;
    from = null;
    if (!began || !dialog.open || began.moved) return;
    const across = event.clientX - began.x;
    if (event.pointerType === "mouse") {
      if (inFrame(event)) closer(zoom > 1 ? 0 : CLOSE, event);
    } else if (zoom === 1 && Math.abs(across) > SWIPE && Math.abs(across) > 2 * Math.abs(event.clientY - began.y)) {
      step(across < 0 ? 1 : -1);
    }
  });
  addEventListener("pointercancel", () => (from = null));
  dialog.addEventListener(
    "wheel",
    (event) => {
      if (!inFrame(event) || !(event.ctrlKey || isBig() || zoom > 1)) return; // else the page scrolls
      event.preventDefault();
      closer(event.deltaY < 0 ? 1.2 : 1 / 1.2, event);
    },
    { passive: false },
  );
}
