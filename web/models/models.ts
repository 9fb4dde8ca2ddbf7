/** Defines `<modelden-models>`, once in a page. */
import { ModelsElement } from "./element";

export { pyodideActions } from "./actions";
export { ModelsElement };

if (!customElements.get("modelden-models")) customElements.define("modelden-models", ModelsElement);
