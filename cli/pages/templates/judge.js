"use strict";
const form = document.querySelector("form");
const left = document.querySelector("output");
function count() {
  const ticked = form.querySelectorAll("input:checked").length;
  left.textContent = ticked === 1 ? "1 picture ticked" : ticked + " pictures ticked";
}
form.addEventListener("change", count);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const judged = {};
  for (const set of form.querySelectorAll("fieldset")) {
    judged[set.dataset.query] = {};
    for (const box of set.querySelectorAll("input")) judged[set.dataset.query][box.value] = box.checked;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify({ judged }, null, 1)], { type: "application/json" }));
  link.download = "judged.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});
count();
