/** Mozilla's version comparison (`nsIVersionComparator`, "Toolkit version format"); Python has it in engine/versions.py. */

type Part = readonly [number, string, number, string];

/** A negative number if `left` is older, 0 if both are equal, a positive one if it is newer. */
export function compareVersions(left: string, right: string): number {
  const [ours, theirs] = [left.split("."), right.split(".")];
  for (let index = 0; index < Math.max(ours.length, theirs.length); index++) {
    const order = compareParts(parse(ours[index] ?? ""), parse(theirs[index] ?? ""));
    if (order) return order;
  }
  return 0;
}

/** A part is number, text, number, text. `1+` is `2pre`, `*` is newer than every number. */
function parse(part: string): Part {
  if (part === "*") return [Number.POSITIVE_INFINITY, "", 0, ""];
  const [, first = "", text = "", second = "", rest = ""] = /^(-?\d*)([^\d+-]*)(-?\d*)(.*)$/s.exec(part) ?? [];
  if (!text && rest.startsWith("+")) return [Number(first) + 1, "pre", 0, ""];
  return [Number(first) || 0, text, Number(second) || 0, rest];
}

function compareParts(left: Part, right: Part): number {
  for (const [index, ours] of left.entries()) {
    const theirs = right[index] as number | string;
    if (ours === theirs) continue;
    // No text is newer than any text: 5.0 comes after 5.0a.
    if (ours === "" || theirs === "") return ours === "" ? 1 : -1;
    return ours > theirs ? 1 : -1;
  }
  return 0;
}
