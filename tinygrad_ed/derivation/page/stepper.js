"use strict";
// One step at a time. Without this script the page shows all steps under each other.

const steps = [...document.querySelectorAll("article.step")];
const scrubber = document.getElementById("scrubber");
const jump = document.getElementById("jump");
const play = document.getElementById("play");
const told = document.getElementById("told");
const covers = [...document.querySelectorAll(".graph, .controls")];
const PAUSE = 1800; // milliseconds between steps while it plays
let at = -1;
let timer = null;

function show(place) {
  const next = Math.min(Math.max(place, 0), steps.length - 1);
  if (next === at || steps.length === 0) return;
  at = next;
  const step = steps[at];
  steps.forEach((each, k) => each.classList.toggle("shown", k === at));
  step.querySelectorAll(".math").forEach(setFormula);
  scrubber.value = at + 1;
  const title = step.querySelector("h3").cloneNode(true);
  const formula = step.querySelector(".main .math");
  const way = title.querySelector(".way").textContent;
  title.querySelectorAll(".number, .way, .source").forEach((part) => part.remove());
  const sentence = `Step ${at + 1} of ${steps.length}, ${way}: ${title.textContent.trim()}`;
  scrubber.setAttribute("aria-valuetext", sentence);
  told.textContent = `${sentence}. ${formula ? formula.dataset.text : ""}`;
  jump.value = at + 1;
  document.getElementById("back").disabled = document.getElementById("first").disabled = at === 0;
  document.getElementById("on").disabled = document.getElementById("last").disabled =
    at === steps.length - 1;
  const covered = Math.max(...covers.map((part) => part.getBoundingClientRect().bottom), 0);
  if (step.getBoundingClientRect().top < covered) step.scrollIntoView();
  showKnown(at + 1);
  markStep(step);
  history.replaceState(null, "", `#${at + 1}`);
}

function showPhase(kind) {
  const place = steps.findIndex((step) => step.classList.contains(kind));
  if (place >= 0) show(place);
}

function setPlaying(on) {
  clearInterval(timer);
  timer = null;
  if (on && at === steps.length - 1) show(0);
  if (on) {
    timer = setInterval(() => {
      show(at + 1);
      if (at === steps.length - 1) setPlaying(false);
    }, PAUSE);
  }
  play.textContent = on ? "Pause" : "Play";
  play.setAttribute("aria-pressed", String(on));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const where = event.target;
  if (where === jump) {
    if (event.key === "Enter") leaveJump(true);
    if (event.key === "Escape") leaveJump(false);
    return;
  }
  const pressable = where.closest?.("button, summary, a");
  if ((event.key === " " || event.key === "Enter") && pressable) return; // it presses that
  const own = where === scrubber || (where.closest && where.closest("#graph, .wide"));
  if (own && /^(Arrow|Home|End)/.test(event.key)) return; // these move it by themselves
  const does = {
    ArrowLeft: () => show(at - 1),
    ArrowRight: () => show(at + 1),
    Home: () => show(0),
    End: () => show(steps.length - 1),
    " ": () => setPlaying(timer === null),
    f: () => showPhase("forward"),
    b: () => showPhase("backward"),
    "/": () => enterJump(""),
  }[event.key];
  if (does) {
    if (event.key !== " ") setPlaying(false);
    does();
    event.preventDefault();
  } else if (/^[0-9]$/.test(event.key)) {
    setPlaying(false);
    enterJump(event.key);
    event.preventDefault();
  }
}

let before = null; // what had the focus

function enterJump(text) {
  before = document.activeElement;
  jump.focus();
  jump.value = text;
}

function leaveJump(go) {
  const number = Number.parseInt(jump.value, 10);
  if (go && Number.isInteger(number)) show(number - 1);
  jump.value = at + 1;
  jump.blur();
  if (before && before !== document.body && before !== jump) before.focus();
  before = null;
}

function begin() {
  document.body.classList.add("live");
  document.querySelector(".controls").hidden = false;
  document.querySelector(".known").hidden = false;
  const acts = { first: () => show(0), back: () => show(at - 1), on: () => show(at + 1) };
  acts.last = () => show(steps.length - 1);
  for (const [id, act] of Object.entries(acts)) {
    document.getElementById(id).addEventListener("click", () => {
      setPlaying(false);
      act();
    });
  }
  play.addEventListener("click", () => setPlaying(timer === null));
  scrubber.addEventListener("input", () => {
    setPlaying(false);
    show(Number(scrubber.value) - 1);
  });
  jump.addEventListener("change", () => show(Number.parseInt(jump.value, 10) - 1 || 0));
  document.addEventListener("keydown", onKey);
  addEventListener("hashchange", fromAddress);
  onBox((article) => show(steps.indexOf(article)));
  fillKnown();
  fromAddress();
  if (at < 0) show(0);
  history.scrollRestoration = "manual"; // the address names a step, not a place in the page
  addEventListener("load", () =>
    requestAnimationFrame(() => {
      scrollTo(0, 0);
      showKnown(at + 1); // only now is it known how high the table may be
    }),
  );
}

function fromAddress() {
  const number = /^#(?:step-)?(\d+)$/.exec(location.hash)?.[1];
  if (number) show(Number(number) - 1);
}

begin();
