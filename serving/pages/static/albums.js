// Albums and saved searches: what is selected goes into one and out of it, and a search under a name.

import { $, root, show, shownHref, unreachable } from "./page.js";
import * as selection from "./selection.js";

const AT_A_TIME = 500; // pictures that one address names
const SHOWN = 40; // albums that are a tap away; any other is typed

const dialog = $("#album");
const unreachableNames = [".", ".."]; // a browser takes these out of an address
const pictures = (count) => `${count.toLocaleString()} ${count === 1 ? "picture" : "pictures"}`;
const shownAlbum = () => shownHref() && new URL(shownHref()).searchParams.get("album");

// The answer of the API. Raises with a sentence where there is none.
async function ask(address, options) {
  let response;
  try {
    response = await fetch(address, options);
  } catch {
    throw new Error(unreachable);
  }
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.detail[0].toUpperCase()}${answer.detail.slice(1)}.`);
  return answer;
}

// Raises with a sentence for a name that no address can end in.
function addressOf(name) {
  if (unreachableNames.includes(name)) throw new Error(`An album cannot be called “${name}”.`);
  return `${root}api/albums/${encodeURIComponent(name)}`;
}

const sent = (pairs) => ({ method: "POST", body: new URLSearchParams(pairs) });

function say(sentence) {
  const wrong = $(".wrong", dialog);
  wrong.textContent = sentence;
  wrong.hidden = !sentence;
}

async function open() {
  say("");
  $("input", dialog).value = "";
  $(".names", dialog).replaceChildren();
  dialog.showModal();
  try {
    const { albums } = await ask(`${root}api/albums`);
    const names = albums.filter((album) => album.question === null).slice(0, SHOWN);
    $(".names", dialog).replaceChildren(
      ...names.map(({ name }) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = name;
        button.addEventListener("click", () => add(name));
        return button;
      }),
    );
  } catch (error) {
    say(error.message);
  }
}

async function add(name) {
  const ids = selection.ids();
  try {
    const { added } = await ask(addressOf(name), sent(ids.map((id) => ["id", id])));
    const there = ids.length - added;
    dialog.close();
    selection.tell(`${pictures(added)} added to ${name}${there ? `; ${there.toLocaleString()} in it before` : ""}`);
  } catch (error) {
    say(error.message);
  }
}

async function take() {
  const name = shownAlbum();
  const ids = selection.ids();
  try {
    for (let from = 0; from < ids.length; from += AT_A_TIME) {
      const some = new URLSearchParams(ids.slice(from, from + AT_A_TIME).map((id) => ["id", id]));
      await ask(`${addressOf(name)}?${some}`, { method: "DELETE" });
    }
  } catch (error) {
    selection.tell(error.message);
    return;
  }
  selection.clear();
  await show(location.href);
}

async function save(form) {
  const told = $("[role=status]", form);
  const pairs = [...new FormData(form)];
  const [[, name]] = pairs.filter(([key]) => key === "name");
  try {
    await ask(addressOf(name.trim()), sent(pairs.filter(([key]) => key !== "name")));
    told.textContent = `Saved as “${name.trim()}”`;
  } catch (error) {
    told.textContent = error.message;
  }
}

export function listen() {
  const bar = $("#selection");
  $("[data-does=album]", bar).addEventListener("click", open);
  $("[data-does=take]", bar).addEventListener("click", take);
  $("[data-does=close]", dialog).addEventListener("click", () => dialog.close());
  $("form", dialog).addEventListener("submit", (event) => {
    event.preventDefault();
    add($("input", dialog).value.trim());
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches(".save")) return;
    event.preventDefault();
    save(event.target);
  });
  const offer = () => ($("[data-does=take]", bar).hidden = !shownAlbum());
  document.addEventListener("swapped", offer);
  offer();
}
