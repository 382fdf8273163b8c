/** What browsers get for `#simple-peer`: the unchanged library, as an ES module. `vite.config.ts` says what is around it. */

export { default } from 'simple-peer'
