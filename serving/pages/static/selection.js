// Pictures that are chosen, over several searches, to be taken somewhere else.

import * as hits from "./hits.js";
import { $ } from "./page.js";

const MOST = 1000; // files of one archive
const chosen = new Map(); // ids, and the paths of their files
let last = null; // the id of the picture that was chosen or not before

const bar = $("#selection");
const button = (tile) => $(".select", tile);

function mark(tile) {
  const is = chosen.has(tile.dataset.id);
  tile.classList.toggle("selected", is);
  button(tile).setAttribute("aria-pressed", is);
}

// The ids of those that are chosen, in the order in which they were.
export const ids = () => [...chosen.keys()];

// What is said of them; without a sentence how many there are.
export function tell(said) {
  const count = chosen.size;
  bar.hidden = count === 0;
  const many = count > MOST ? `, of which an archive takes ${MOST.toLocaleString()}` : "";
  $("[role=status]", bar).textContent = said ?? `${count.toLocaleString()} selected${many}`;
  $("button:not([type])", bar).disabled = count > MOST;
  $(".ids", bar).replaceChildren(
    ...[...chosen.keys()].map((id) => {
      const input = document.createElement("input");
      Object.assign(input, { type: "hidden", name: "id", value: id });
      return input;
    }),
  );
}

const markAll = () => document.querySelectorAll("#hits .tile").forEach(mark);

function put({ id, path }, is) {
  if (is) chosen.set(id, path);
  else chosen.delete(id);
}

// Chooses a picture or not any more; all of those up to it as it, where they are a range.
export function toggle(tile, { range = false, on = !chosen.has(tile.dataset.id) } = {}) {
  const all = hits.all();
  const [from, to] = [last, tile.dataset.id].map((id) => all.findIndex((hit) => hit.id === id)).sort((a, b) => a - b);
  const which = range && from >= 0 ? all.slice(from, to + 1) : [tile.dataset];
  which.forEach((one) => put(one, on));
  markAll();
  last = tile.dataset.id;
  tell();
}

// Drops all; false where there were none.
export function clear() {
  if (chosen.size === 0) return false;
  chosen.clear();
  last = null;
  markAll();
  tell();
  return true;
}

async function copy() {
  const text = [...chosen.values()].join("\n");
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea"); // over http from another machine
    area.value = text;
    bar.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  tell(`${chosen.size.toLocaleString()} ${chosen.size === 1 ? "path" : "paths"} copied`);
}

export function listen() {
  $("#hits").parentElement.addEventListener("click", (event) => {
    const tile = event.target.closest(".tile");
    const onMark = event.target.closest(".select");
    if (!tile || !(onMark || event.shiftKey)) return;
    event.preventDefault();
    if (onMark || chosen.size) toggle(tile, { range: event.shiftKey, ...(event.shiftKey && { on: true }) });
  });
  $("[data-does=copy]", bar).addEventListener("click", copy);
  $("[data-does=clear]", bar).addEventListener("click", clear);
  const again = () => chosen.size && markAll();
  document.addEventListener("swapped", again);
  document.addEventListener("grown", again);
}
