/** Sizes, times and facts in words. Sizes are those of `modelden/core/units.py`. */
import type { StoredModel } from "./rows";

const PREFIXES = ["kB", "MB", "GB", "TB"];
const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ["year", 365 * 86_400],
  ["month", 30 * 86_400],
  ["week", 7 * 86_400],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];

let relative: Intl.RelativeTimeFormat | undefined;

/** From the strongest promise to the weakest. */
const INTEGRITY: Readonly<Record<string, string>> = {
  signed: "hash signed by the publisher",
  hub: "hash promised by the hub",
  "first-seen": "hash of the first download",
};

/** Bytes with a decimal prefix: `512 B`, `23.3 MB`, `120 MB`. */
export function formatSize(size: number): string {
  if (size < 1000) return `${size} B`;
  let prefix = "";
  for (prefix of PREFIXES) {
    size /= 1000;
    if (size < 999.5) break;
  }
  return `${size < 99.95 ? size.toFixed(1) : size.toFixed(0)} ${prefix}`;
}

/** `2 hours ago`; a clock that was set back makes no time of the future. */
export function formatAge(time: number, now: number): string {
  const seconds = Math.max(0, (now - time) / 1000);
  for (const [unit, length] of UNITS) {
    if (seconds < length) continue;
    // Made when it is needed: the first of its kind takes a page 20 to 50 ms.
    relative ??= new Intl.RelativeTimeFormat("en", { numeric: "auto" });
    return relative.format(-Math.floor(seconds / length), unit);
  }
  return "just now";
}

export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** `organization/name` without its host. */
export function shortName({ model }: { readonly model: string }): string {
  return model.slice(model.indexOf("/") + 1);
}

export function title(model: StoredModel): string {
  return `${shortName(model)} ${model.revision}`;
}

/** The hub, by its host where that says all. */
export function hubName({ model, root }: StoredModel): string {
  const host = model.slice(0, model.indexOf("/"));
  return root === "" || root === `https://${host}/` ? host : root;
}

export function usedBy({ tasks, engines }: StoredModel): string {
  const named = engines.filter((engine) => engine !== "default-engine" && engine !== "");
  return [...tasks, ...named.filter((engine) => !tasks.includes(engine))].join(", ");
}

export function integrity(kind: string): string {
  return INTEGRITY[kind] ?? kind;
}

/** The weakest promise of a model's files is the model's. */
export function weakestIntegrity({ files }: StoredModel): string {
  const kinds = Object.keys(INTEGRITY);
  return integrity(kinds[Math.max(...files.map((file) => kinds.indexOf(file.integrity)))] ?? "");
}

/** Bytes of an interrupted or running download. */
export function partialWords(model: StoredModel, isLoading: boolean): string {
  const totals = model.partials.map((row) => row.total);
  const total = totals.includes(null) ? 0 : totals.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  const figures = total ? `${formatSize(model.partialSize)} of ${formatSize(total)}` : formatSize(model.partialSize);
  const files = count(model.partials.length, "file");
  return isLoading ? `Downloading ${files}: ${figures}` : `Download of ${files} interrupted: ${figures}`;
}
