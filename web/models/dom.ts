/** Elements made in one expression. */

type Child = Node | string | null | undefined;

export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A screen reader reads each change: the same words are not set again. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** A button whose name begins with its words, and says what it is for. */
export function button(words: string, subject: string, part: string, onClick: () => void): HTMLButtonElement {
  const element = make("button", { type: "button", part: `button ${part}` }, words);
  if (subject) element.setAttribute("aria-label", `${words} ${subject}`);
  element.addEventListener("click", () => {
    if (element.getAttribute("aria-disabled") !== "true") onClick();
  });
  return element;
}

/** A button that is unavailable keeps its place in the order of focus, so that its reason can be read. */
export function setAvailable(element: HTMLButtonElement, reason: string): void {
  if (reason) {
    element.setAttribute("aria-disabled", "true");
    element.setAttribute("aria-description", reason);
    element.title = reason;
  } else {
    for (const name of ["aria-disabled", "aria-description", "title"]) element.removeAttribute(name);
  }
}
