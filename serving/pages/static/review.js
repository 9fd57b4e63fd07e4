// The keys of the page on which labels are looked through: each presses a button.

import { $ } from "./page.js";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (document.activeElement.matches("input, select, textarea")) return;
  const key = event.key === "ArrowRight" ? "n" : event.key.toLowerCase();
  const button = $(`#review [data-key="${CSS.escape(key)}"]`);
  if (!button || $("#page").ariaBusy === "true") return;
  $("#page").ariaBusy = "true"; // one answer a picture
  button.click();
});

addEventListener("pageshow", () => ($("#page").ariaBusy = "false")); // also when come back to
