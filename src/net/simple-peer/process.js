/**
 * What readable-stream uses of Node's `process`. `nextTick` is a microtask, as in Node; browserify's stand-in waits for a
 * timer, which browsers hold back for up to a second in tabs that nobody looks at.
 */

export default {
  env: {},
  nextTick: (callback, ...values) => queueMicrotask(() => callback(...values)),
}
