// The page follows its address: every state is one, fetched from the server and put in place.

let running = new AbortController();
let shown = location.href;

// What all addresses begin with: "/", or the path that a proxy has the server under.
export const root = new URL("..", import.meta.url).pathname;

export const $ = (selector, within = document) => within.querySelector(selector);

// Whether the hits of this address are on the page already.
export const isShown = (href) => new URL(href, location.href).href === shown;

// The address of the hits that are on the page; "" where they could not be had.
export const shownHref = () => shown;

// To another address, as a new step of the history or in place of the last one.
export function go(href, { replace = false, typed = false } = {}) {
  history[replace ? "replaceState" : "pushState"]({}, "", href);
  return show(href, { typed });
}

// Where a link of the shown hits leads from what is asked by now, of which the answer may be still on
// its way: what the link adds to the question and takes from it is added to that one and taken from it.
export function fromHere(href) {
  const before = new URL(shown || location.href).searchParams;
  const now = new URL(location.href).searchParams;
  const typed = $("#q").value.trim();
  if (isShown(location.href) && typed === (before.get("q") ?? "")) return href;
  if (typed) now.set("q", typed);
  else now.delete("q");
  const target = new URL(href);
  for (const [name, value] of before) {
    if (!target.searchParams.has(name, value)) now.delete(name, value);
  }
  for (const [name, value] of target.searchParams) {
    if (before.has(name, value)) continue;
    if (before.has(name) && target.searchParams.getAll(name).length === 1) now.delete(name);
    if (!now.has(name, value)) now.append(name, value);
  }
  return `${target.pathname}${now.size ? `?${now}` : ""}`;
}

// The hits of an address; what was asked before and is not answered yet is cancelled. Where the
// address comes from what is `typed`, the box stays as it is: more may have been typed by then.
export async function show(href, { typed = false } = {}) {
  running.abort();
  const mine = (running = new AbortController());
  $("#page").ariaBusy = "true";
  try {
    const fresh = await load(href, mine.signal);
    shown = new URL(href, location.href).href;
    swap(fresh, typed);
  } catch (error) {
    if (!mine.signal.aborted) say("No answer", unreachable);
  }
  if (mine === running) $("#page").ariaBusy = "false";
}

// The document at an address. Raises when the server is gone or `signal` aborts.
export const load = async (href, signal) => parsed(await textAt(href, signal));

export async function textAt(href, signal = running.signal) {
  const response = await fetch(href, { signal, headers: { accept: "text/html" } });
  return response.text();
}

export const parsed = (text) => new DOMParser().parseFromString(text, "text/html");

export const unreachable = "The server does not answer. Is clipseek serve still running?";

function swap(fresh, typed) {
  document.title = fresh.title;
  const form = $("#search");
  form.querySelectorAll("[type=hidden]").forEach((input) => input.remove());
  form.append(...fresh.querySelectorAll("#search [type=hidden]"));
  if (!typed) $("#q").value = $("#q", fresh).value;
  $("#filters").replaceWith($("#filters", fresh));
  $("h1").replaceWith($("h1", fresh));
  // The status stays, as only what changes inside it is read out.
  const status = $("#status");
  status.replaceChildren(...$("#status", fresh).childNodes);
  replaceAfter(status, [...fresh.querySelectorAll("#status ~ *")]);
  document.dispatchEvent(new Event("swapped"));
}

function replaceAfter(node, others) {
  while (node.nextSibling) node.nextSibling.remove();
  node.after(...others);
}

// A sentence in place of the hits.
export function say(title, text) {
  const notice = document.createElement("section");
  notice.className = "notice";
  notice.role = "alert";
  const heading = document.createElement("h2");
  heading.textContent = title;
  const line = document.createElement("p");
  line.textContent = text;
  notice.append(heading, line);
  $("#status").textContent = "";
  replaceAfter($("#status"), [notice]);
  shown = "";
}
