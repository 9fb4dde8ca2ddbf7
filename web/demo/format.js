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
