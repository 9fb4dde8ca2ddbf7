/**
 * Lets the host learn of the worker's end. A browser that ends a worker (for lack of memory, say) tells nobody, but it
 * frees the worker's locks.
 */
import { post } from "./rpc";

/** Hold a lock for as long as the worker lives, and tell its name; where there are no locks, do nothing. */
export function holdLock(): void {
  // Not in insecure contexts; refused in sandboxed frames.
  const name = `modelden worker ${Math.random().toString(36).slice(2)}${performance.timeOrigin}`;
  navigator.locks
    ?.request(name, () => {
      post({ type: "alive", lock: name });
      return new Promise(() => {});
    })
    .catch(() => {});
}
