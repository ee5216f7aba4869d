"use strict";
// Marks in the graph what a step is about, and brings it into view.

const graph = document.getElementById("graph");
const strip = document.querySelector(".graph");
const root = document.documentElement;
root.classList.add("scripted");
if (strip) {
  // The strip stays on top, and what scrolls below it must know how high it is.
  new ResizeObserver(() => root.style.setProperty("--strip", `${strip.offsetHeight}px`)).observe(strip);
}
let marked = [];

function markStep(article) {
  for (const element of marked) element.classList.remove("now", "way");
  marked = [];
  if (!graph || !article) return;
  const box = byId(article.dataset.box);
  const through = byId(article.dataset.through);
  if (through) mark(through, "way");
  if (box) mark(box, "now");
  for (const edge of graph.querySelectorAll(".edge")) {
    const back = through && edge.dataset.source === box?.id && edge.dataset.target === through.id;
    const on = article.classList.contains("forward") && edge.dataset.target === box?.id;
    if (back || on) mark(edge, "way");
  }
  if (box) center(box);
}

function byId(id) {
  return id ? document.getElementById(id) : null;
}

function mark(element, kind) {
  element.classList.add(kind);
  marked.push(element);
}

// Only the strip scrolls, never the page.
function center(box) {
  const view = graph.getBoundingClientRect();
  const place = box.getBoundingClientRect();
  graph.scrollLeft += place.left + place.width / 2 - (view.left + view.width / 2);
  graph.scrollTop += place.top + place.height / 2 - (view.top + view.height / 2);
}

// A box leads to the step that computes it.
function onBox(go) {
  if (!graph) return;
  graph.addEventListener("click", (event) => {
    const box = event.target.closest(".box");
    const articles = box ? document.querySelectorAll("article.step") : [];
    for (const article of articles) {
      if (article.dataset.box === box.id) return go(article);
    }
  });
}
