/** The style of the list. A constructed sheet: pages whose policy refuses styles in the document take it. */

const CSS = `
:host {
  --text: var(--modelden-text, light-dark(#15141a, #fbfbfe));
  --soft: var(--modelden-soft, light-dark(#5b5b66, #b8b7c2));
  --line: var(--modelden-line, light-dark(#cfcfd8, #52525e));
  --background: var(--modelden-background, light-dark(#ffffff, #1c1b22));
  --accent: var(--modelden-accent, light-dark(#0060b9, #6cc4ff));
  --danger: var(--modelden-danger, light-dark(#b3002d, #ff9aa2));
  display: block;
  padding: 0.75rem;
  background: var(--background);
  color: var(--text);
  line-height: 1.5;
}
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; }
p, ul, h2 { margin: 0; padding: 0; }
[part=top] { display: flex; flex-wrap: wrap; gap: 0.5rem; align-items: center; justify-content: space-between; }
[part=summary] { font-weight: 600; }
ul { list-style: none; }
li { padding: 0.75rem 0; border-top: 1px solid var(--line); }
.head, .actions, .line, .storage { display: flex; flex-wrap: wrap; gap: 0.25rem 0.5rem; align-items: center; }
[part=name], th, [part=facts] { overflow-wrap: anywhere; }
.badges { display: contents; }
[part=badge] { padding: 0 0.5rem; border: 1px solid var(--soft); border-radius: 1rem; color: var(--soft); font-size: 0.8125rem; }
[part=facts], [part=partial], [part=storage], [part=note], [part=figures], summary, table { color: var(--soft); font-size: 0.875rem; }
[part=status], [part=note] { min-height: 1.5em; font-size: 0.875rem; }
[part=problem] { padding: 0.75rem; border-inline-start: 3px solid var(--danger); }
.storage { padding: 0.5rem 0; }
.storage p { flex: 1 1 14rem; }
[part=meter] { flex: 1 0 100%; height: 6px; border: 1px solid var(--soft); border-radius: 3px; overflow: hidden; }
[part=meter] span { display: block; min-width: 2px; height: 100%; background: var(--accent); }
summary { width: fit-content; cursor: pointer; }
td { vertical-align: top; }
table { border-spacing: 0.75rem 0; margin-inline-start: -0.75rem; }
th { text-align: start; font-weight: 400; vertical-align: top; }
thead th { font-weight: 600; }
td:nth-child(2) { text-align: end; white-space: nowrap; font-variant-numeric: tabular-nums; }
progress { flex: 1 1 8rem; height: 6px; border: 0; accent-color: var(--accent); }
[part=figures] { font-variant-numeric: tabular-nums; }
.line, .actions { padding-top: 0.375rem; }
button {
  min-height: 2.25rem;
  padding: 0.25rem 0.75rem;
  border: 1px solid var(--soft);
  border-radius: 0.375rem;
  background: none;
  color: inherit;
  font: inherit;
  font-size: 0.875rem;
  cursor: pointer;
}
button:hover { border-color: var(--accent); color: var(--accent); }
button[part~=danger] { border-color: var(--danger); color: var(--danger); }
button[part~=danger]:hover { background: var(--danger); color: var(--background); }
button[aria-disabled] { border-style: dashed; border-color: var(--line); background: none; color: var(--soft); cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
dialog { max-width: min(28rem, calc(100vw - 2rem)); padding: 1.25rem; border: 1px solid var(--line); border-radius: 0.5rem; background: var(--background); color: var(--text); }
dialog::backdrop { background: rgb(0 0 0 / 0.5); }
dialog h2 { font-size: 1.125rem; overflow-wrap: anywhere; }
dialog p { padding-top: 0.5rem; }
dialog .actions { justify-content: flex-end; padding-top: 1rem; }
@media (prefers-reduced-motion: no-preference) {
  [part=meter] span { transition: inline-size 0.2s; }
  dialog[open] { animation: appear 0.12s; }
  @keyframes appear { from { opacity: 0; } }
}
`;

export function adoptStyle(root: ShadowRoot): void {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(CSS);
  root.adoptedStyleSheets = [sheet];
}
