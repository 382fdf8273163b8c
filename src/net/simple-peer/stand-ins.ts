/**
 * What simple-peer's build has in place of the packages that simple-peer requires, by the names it gives them
 * (`vite.config.ts`). Each does what simple-peer uses of it, without what the packages bring for browsers of 2014.
 */

import { Buffer } from './buffer.ts'
import { Duplex } from './duplex.ts'
import { withCode } from './errors.ts'

export { Buffer }

/** For `readable-stream`. */
export const stream = { Duplex }

/** For `err-code`. */
export const errCode = withCode

/** For `randombytes`. */
export const randombytes = (length: number): Buffer => crypto.getRandomValues(new Buffer(length))
