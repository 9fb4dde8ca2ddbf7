// Query, sentences and the ranking.
import { byId, make } from "../dom.js";
import { duration } from "../format.js";

/** @import {Command, DemoEvent} from "../protocol.js" */

/** Milliseconds of quiet after which typing counts as a question. */
const PAUSE = 250;

/** @param {(command: Command) => void} send */
export function searchView(send) {
  const form = byId("search-form", HTMLFormElement);
  const query = byId("query", HTMLInputElement);
  const sentences = byId("sentences", HTMLTextAreaElement);
  const results = byId("results", HTMLOListElement);
  const note = byId("search-note", HTMLElement);
  let ready = false;
  let timer = 0;

  function search() {
    clearTimeout(timer);
    const lines = sentences.value.split("\n").map((line) => line.trim());
    const asked = { query: query.value.trim(), sentences: lines.filter(Boolean) };
    if (ready && asked.query && asked.sentences.length) {
      send({ type: "search", ...asked });
      return;
    }
    results.replaceChildren(...asked.sentences.map((sentence) => row(sentence, null)));
    if (ready) {
      note.textContent = asked.query ? "Write at least one sentence." : "Write what you are looking for.";
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = window.setTimeout(search, PAUSE);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    search();
  });
  query.addEventListener("input", soon);
  sentences.addEventListener("input", soon);
  search();

  return (/** @type {DemoEvent} */ event) => {
    if (event.type === "ready") {
      ready = true;
      form.querySelector("button")?.removeAttribute("disabled");
      search();
    } else if (event.type === "results") {
      results.replaceChildren(...event.ranking.map(({ sentence, score }) => row(sentence, score)));
      note.textContent = `${event.ranking.length} sentences compared with “${event.query}” in ${duration(event.ms)}.`;
    }
  };
}

/**
 * @param {string} sentence
 * @param {number | null} score
 */
function row(sentence, score) {
  const bar = make("span", "bar");
  bar.style.setProperty("--score", String(Math.min(Math.max(score ?? 0, 0), 1)));
  const figure = make("span", "score", score === null ? "" : score.toFixed(2).replace("-", "−"));
  return make("li", "result", figure, make("span", "sentence", sentence), bar);
}
