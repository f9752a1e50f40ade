// What htmx leaves open when a card is replaced: the place where a person reads, and what a screen
// reader tells. Without this script the page is complete, but it does not refresh itself.
"use strict";

const NEAR_THE_END = 24; // pixels
const places = new Map();
const opened = new Map();
const summaries = new Map();

function remember(card) {
  for (const box of card.querySelectorAll("[data-keep-scroll][id]")) {
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_THE_END;
    places.set(box.id, { top: box.scrollTop, left: box.scrollLeft, atEnd });
  }
  for (const box of card.querySelectorAll("[data-keep-open]")) opened.set(box.id, box.open);
  for (const line of card.querySelectorAll("[data-summary]")) {
    summaries.set(card.id, line.dataset.summary);
  }
}

function restore(card) {
  for (const box of card.querySelectorAll("[data-keep-scroll][id]")) {
    const place = places.get(box.id);
    const follows = "follow" in box.dataset && (!place || place.atEnd);
    box.scrollTop = follows ? box.scrollHeight : (place?.top ?? 0);
    box.scrollLeft = place?.left ?? 0;
  }
  for (const box of card.querySelectorAll("[data-keep-open]")) {
    box.open = opened.get(box.id) ?? box.open;
  }
  const line = card.querySelector("[data-summary]");
  if (line && summaries.has(card.id) && summaries.get(card.id) !== line.dataset.summary) {
    document.getElementById("announcement").textContent = line.dataset.summary;
  }
}

document.addEventListener("DOMContentLoaded", () => restore(document.body));

// A page that nobody sees asks for nothing.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.target.matches(".card")) event.preventDefault();
});
document.addEventListener("htmx:beforeSwap", (event) => {
  const card = event.detail.target.closest(".card");
  if (card) remember(card);
});
document.addEventListener("htmx:afterSettle", (event) => {
  const card = document.getElementById(event.detail.elt.id);
  if (card?.matches(".card")) restore(card);
});

// The server does not answer: say so, and ask again.
const lost = document.getElementById("lost");
const failed = () => { lost.hidden = false; };
document.addEventListener("htmx:sendError", failed);
document.addEventListener("htmx:timeout", failed);
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) lost.hidden = true;
});
