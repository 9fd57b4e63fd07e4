// Searching by a picture that is chosen, dropped or pasted.

import { $, go, root, say, unreachable } from "./page.js";

const PATIENCE = 700; // milliseconds: where the encoder is loaded, an upload takes less
const LOADING = "Looking at your picture. The first one waits some seconds for the encoder to load.";

const NOT_KEPT = ["q", "picture", "like", "unlike", "offset"]; // a picture begins a new search

// Uploads a picture, and on to its hits. The filters stay.
export async function searchBy(file) {
  if (!file.type.startsWith("image/")) {
    say("Not a picture", `${file.name} is no picture that a browser knows. Drop a photo.`);
    return;
  }
  $("#page").ariaBusy = "true";
  const sheet = $(".drop");
  sheet.textContent = `Looking for pictures like ${file.name || "yours"}`;
  sheet.hidden = false;
  const patience = setTimeout(() => ($("#status").textContent = LOADING), PATIENCE);
  const form = new FormData();
  form.append("image", file);
  let response, answer;
  try {
    response = await fetch(`${root}api/pictures`, { method: "POST", body: form });
    answer = await response.json();
  } catch {
    say("No answer", unreachable);
    return;
  } finally {
    clearTimeout(patience);
    sheet.hidden = true;
    $("#page").ariaBusy = "false";
  }
  if (!response.ok) {
    say("That did not work", `${answer.detail}.`);
    return;
  }
  const parameters = new URLSearchParams(location.search);
  NOT_KEPT.forEach((name) => parameters.delete(name));
  parameters.set("picture", answer.picture);
  $("#q").value = "";
  await go(`${root}?${parameters}`);
}

export function listen() {
  const sheet = document.createElement("div");
  sheet.className = "drop";
  sheet.hidden = true;
  sheet.role = "status";
  document.body.append(sheet);
  let inside = 0; // enter and leave come for every element on the way

  const hasFile = (event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragenter", (event) => {
    if (!hasFile(event)) return;
    inside += 1;
    sheet.textContent = "Drop a picture to find others like it";
    sheet.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!hasFile(event)) return;
    inside -= 1;
    sheet.hidden = inside <= 0;
  });
  addEventListener("dragover", (event) => hasFile(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    inside = 0;
    sheet.hidden = true;
    if (!hasFile(event)) return;
    event.preventDefault();
    if (event.dataTransfer.files[0]) searchBy(event.dataTransfer.files[0]);
  });
  addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    if (!file) return; // text goes into the box
    event.preventDefault();
    searchBy(file);
  });
  $("#by-picture input").addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) searchBy(file);
  });
}
