// Pictures that are chosen, over several searches, to be taken somewhere else.

import { $ } from "./page.js";

const MOST = 1000; // files of one archive
const chosen = new Map(); // ids, and the paths of their files
let last = null; // the picture that was chosen or not before

const bar = $("#selection");
const tiles = () => [...document.querySelectorAll("#hits .tile")];
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

function put(tile, is) {
  if (is) chosen.set(tile.dataset.id, tile.dataset.path);
  else chosen.delete(tile.dataset.id);
  mark(tile);
}

// Chooses a picture or not any more; all of those up to it as it, where they are a range.
export function toggle(tile, { range = false, on = !chosen.has(tile.dataset.id) } = {}) {
  const all = tiles();
  const [from, to] = [all.indexOf(last), all.indexOf(tile)].sort((a, b) => a - b);
  const which = range && from >= 0 ? all.slice(from, to + 1) : [tile];
  which.forEach((one) => put(one, on));
  last = tile;
  tell();
}

// Drops all; false where there were none.
export function clear() {
  if (chosen.size === 0) return false;
  chosen.clear();
  last = null;
  tiles().forEach(mark);
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
  const again = () => chosen.size && tiles().forEach(mark);
  document.addEventListener("swapped", again);
  document.addEventListener("grown", again);
}
