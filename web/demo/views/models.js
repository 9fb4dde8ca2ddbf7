// What the list of stored models, <modelden-models>, lets Python do. The rest it does itself.
import { byId } from "../dom.js";

/** @import {Command, DemoEvent, VerifiedFile} from "../protocol.js" */

/** @param {(command: Command) => void} send */
export function modelsView(send) {
  const list = byId("models", HTMLElement);
  /** @type {PromiseWithResolvers<VerifiedFile[]>[]} */
  const waiting = [];

  /** @param {{model: string, revision: string, rootUrl: string | null}} name */
  function verify(name) {
    const answer = Promise.withResolvers();
    waiting.push(answer);
    send({ type: "verify", ...name });
    return answer.promise;
  }

  Object.assign(list, { actions: { verify } });

  return (/** @type {DemoEvent} */ event) => {
    if (event.type === "verified") {
      waiting.shift()?.resolve(event.files);
    } else if (event.type === "problem") {
      for (const answer of waiting.splice(0)) {
        answer.reject(new Error(event.text));
      }
      if (!event.retry) {
        // Python has not started.
        Object.assign(list, { actions: {} });
      }
    }
  };
}
