// A page that is loaded again, or come back to, is where it was.

import { beside, focus, more } from "./grid.js";
import * as hits from "./hits.js";
import { $, isShown, root } from "./page.js";

const KEY = "clipseek place";
const MOST = 1500; // pictures that are loaded again one page after another; of more, those around

const topOf = (tile) => tile.getBoundingClientRect().top;

// Kept as the page is left, whatever picture is open over it.
function keep(href) {
  const tile = [...document.querySelectorAll("#hits .tile")].find((one) => topOf(one) > 0);
  const all = hits.all();
  const index = Math.max(all.findIndex(({ id }) => id === tile?.dataset.id), 0);
  const place = { href, count: all.length, index, top: tile ? topOf(tile) : 0 };
  sessionStorage.setItem(KEY, JSON.stringify(place));
}

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

// Whether one is here again, and not for something new.
function isReturn() {
  const [{ type }] = performance.getEntriesByType("navigation");
  const came = document.referrer && new URL(document.referrer);
  return type !== "navigate" || (came?.origin === location.origin && came.pathname.startsWith(`${root}images/`));
}

async function goBack() {
  const place = kept();
  if (!place || place.href !== location.href || !isReturn()) return;
  if (place.count > MOST) {
    const target = new URL(place.href);
    target.searchParams.set("offset", Number(target.searchParams.get("offset") ?? 0) + place.index);
    sessionStorage.removeItem(KEY);
    location.replace(target);
    return;
  }
  while (hits.all().length < place.count && (await more()));
  const hit = hits.all()[place.index];
  for (let times = 0; times < 4 && hit; times += 1) {
    scrollBy(0, topOf(hits.tileOf(hit)) - place.top); // heights above it were guessed, until now
    await new Promise(requestAnimationFrame);
  }
  const came = document.referrer;
  if (came && beside(came, 0)) focus(came);
}

export function listen(shownHref) {
  history.scrollRestoration = "manual";
  addEventListener("pagehide", () => shownHref() && keep(shownHref()));
  if (isShown(location.href)) goBack();
}
