// Numbers in words.

/**
 * Bytes as people read them, in powers of ten like the disk's own figures.
 * @param {number} count
 */
export function bytes(count) {
  if (count < 1000) {
    return `${count} ${count === 1 ? "byte" : "bytes"}`;
  }
  return count < 1e6 ? `${(count / 1e3).toFixed(1)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

/** @param {number} ms */
export function duration(ms) {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];

/**
 * How long ago a time in milliseconds since the epoch was.
 * @param {number} time
 */
export function ago(time) {
  const passed = Date.now() - time;
  for (const [unit, length] of UNITS) {
    if (passed >= length) {
      // Made when it is needed: the first of its kind takes a page 20 to 50 ms.
      const words = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
      return words.format(-Math.floor(passed / length), unit);
    }
  }
  return "just now";
}
