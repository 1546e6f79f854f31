// The review queue's keys: each presses the button that shows it, so that the page works without this file too.
"use strict";

(() => {
  let busy = false; // a form is under way: a second key must not answer the next item unseen

  const typing = (element) => element.matches?.("textarea, select, input:not([type=checkbox])");

  const meant = (key) => {
    const name = key === " " ? "Enter" : key.length === 1 ? key.toLowerCase() : key;
    return [...document.querySelectorAll("[data-key]")].find(
      (each) => each.dataset.key === name || each.dataset.letter === name,
    );
  };

  const openNote = (summary) => {
    const note = summary.parentElement;
    note.open = true;
    note.querySelector("textarea").focus();
  };

  const inNote = (event) => {
    if (event.key === "Escape") event.target.blur();
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form.id === "remark") {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  };

  const pressed = (event) => {
    if (typing(event.target)) return inNote(event);
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    // Whoever walks with Tab presses what has the focus.
    if ((event.key === "Enter" || event.key === " ") && event.target.matches?.("a, button, summary, input")) return;
    const found = meant(event.key);
    if (!found || busy) return;
    event.preventDefault();
    if (found.matches("summary")) openNote(found);
    else found.click();
  };

  document.addEventListener("keydown", pressed);
  document.addEventListener("submit", (event) => {
    if (busy) event.preventDefault();
    busy = true;
  });
  // Back from the browser's memory of the page: nothing is under way.
  window.addEventListener("pageshow", () => { busy = false; });
})();
