"use strict";
// Which step is being read: marked in the list of steps and in the graph.

const articles = [...document.querySelectorAll("article.step")];
const links = new Map(
  [...document.querySelectorAll(".contents a")].map((link) => [link.getAttribute("href"), link]),
);
let reading = null;

function read() {
  const top = document.querySelector(".graph")?.getBoundingClientRect().bottom ?? 0;
  const line = Math.max(top, 0) + innerHeight * 0.15;
  let found = articles[0];
  for (const article of articles) {
    if (article.getBoundingClientRect().top > line) break;
    found = article;
  }
  if (found === reading || !found) return;
  links.get(`#${reading?.id}`)?.removeAttribute("aria-current");
  reading = found;
  const link = links.get(`#${found.id}`);
  link?.setAttribute("aria-current", "step");
  const list = document.querySelector(".contents");
  if (link && list && list.scrollHeight > list.clientHeight) {
    const place = link.getBoundingClientRect();
    const view = list.getBoundingClientRect();
    if (place.top < view.top || place.bottom > view.bottom) {
      list.scrollTop += place.top - view.top - view.height / 2;
    }
  }
  markStep(found);
}

let waiting = false;
addEventListener(
  "scroll",
  () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      read();
    });
  },
  { passive: true },
);
onBox((article) => article.scrollIntoView());
// On a narrow window the list would fill the first screens.
if (matchMedia("(max-width: 800px)").matches) {
  document.querySelector(".contents details")?.removeAttribute("open");
}
read();
addEventListener("load", () => {
  // Only now do formulas and the strip have their heights.
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  read();
});
