// The page of the library while an index run is under way: how it goes, without loading the page.

import { $, load, root } from "./page.js";

const EVERY = 700; // milliseconds

async function look() {
  let fresh;
  try {
    fresh = $("#run", await load(`${root}library/run`));
  } catch {
    setTimeout(look, 5 * EVERY); // the server may come back
    return;
  }
  if (!fresh || !("goesOn" in fresh.dataset)) {
    location.reload(); // with the new numbers
    return;
  }
  const here = $("#run");
  // The status stays, as only what changes inside it is read out.
  for (const part of ["progress", ".how"]) {
    const old = $(part, here);
    const now = $(part, fresh);
    for (const { name, value } of now.attributes) old.setAttribute(name, value);
    if (old.textContent !== now.textContent) old.textContent = now.textContent;
  }
  const lists = (within) => [...within.children].filter((one) => one.matches(".lines, h3"));
  lists(here).forEach((one) => one.remove());
  here.append(...lists(fresh));
  setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
