"use strict";
// The table of all values: what is known at a step, and what is not computed yet.

const rows = [];

function fillKnown() {
  const data = JSON.parse(document.getElementById("values").textContent);
  const body = document.querySelector("#known tbody");
  for (const entry of data) {
    const row = document.createElement("tr");
    const name = document.createElement("th");
    name.scope = "row";
    name.textContent = entry.name;
    row.className = entry.phase;
    row.append(name);
    const cells = [0, 1, 2].map(() => row.appendChild(document.createElement("td")));
    cells[0].textContent = entry.shape;
    body.append(row);
    rows.push({ row, value: cells[1], step: cells[2], values: entry.values });
  }
}

function showKnown(number) {
  let current = null;
  for (const { row, value, step, values } of rows) {
    const known = values.filter(([when]) => when <= number).pop();
    value.textContent = known ? known[1] : "not computed yet";
    step.textContent = known ? (known[0] === 0 ? "given" : String(known[0])) : "";
    row.classList.toggle("unknown", !known);
    const now = Boolean(known) && known[0] === number;
    row.classList.toggle("now", now);
    if (now) row.setAttribute("aria-current", "true");
    else row.removeAttribute("aria-current");
    if (now) current = row;
  }
  keepInView(current);
}

// Only the table scrolls, never the page.
function keepInView(row) {
  const view = document.querySelector(".known");
  if (!row || view.scrollHeight <= view.clientHeight) return;
  const place = row.getBoundingClientRect();
  const frame = view.getBoundingClientRect();
  if (place.top < frame.top || place.bottom > frame.bottom) {
    view.scrollTop += place.top - frame.top - frame.height / 2;
  }
}
