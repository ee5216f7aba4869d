"use strict";
// Sets the formulas with KaTeX; in a long page when they come near the window, so that it opens soon.
// What KaTeX cannot set, and a page without scripts, keeps the Unicode text.

function setFormula(element) {
  if (element.dataset.set) return;
  element.dataset.set = "1";
  const plain = (element.dataset.text = element.textContent);
  try {
    katex.render(element.dataset.tex, element, {
      displayMode: Boolean(element.closest("dd, li")),
      throwOnError: true,
      strict: "ignore",
      trust: false,
    });
  } catch (error) {
    element.textContent = plain;
  }
}

const formulas = [...document.querySelectorAll(".math")];
const AT_ONCE = 800; // formulas that are set before the page is first seen
const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      setFormula(entry.target);
    }
  },
  { rootMargin: "600px" },
);
if (formulas.length <= AT_ONCE) formulas.forEach(setFormula);
else for (const formula of formulas) near.observe(formula);
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll(".step details")) folded.open = true;
  formulas.forEach(setFormula);
});
