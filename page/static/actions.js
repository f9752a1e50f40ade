"use strict";

// Questions open in a dialog. Without this script each is a page of its own.
document.addEventListener("DOMContentLoaded", () => {
  const question = document.getElementById("question");

  // A question with a problem (400) is shown like any other.
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target === question && event.detail.xhr.status === 400) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === question && !question.open) {
      question.showModal();
    }
  });

  // What cannot be shown in the dialog is shown as a page, which says what is wrong.
  for (const failure of ["htmx:responseError", "htmx:sendError"]) {
    document.body.addEventListener(failure, (event) => {
      if (event.detail.target === question) {
        window.location.assign(event.detail.pathInfo.finalRequestPath);
      }
    });
  }

  question.addEventListener("click", (event) => {
    const isOutside = event.target === question;
    if (isOutside || event.target.closest(".cancel")) {
      event.preventDefault();
      question.close();
    }
  });
  question.addEventListener("close", () => question.replaceChildren());
});
