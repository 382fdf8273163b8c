/** Errors with the codes of Node's, by which programs tell them apart; the wording is our own. */

/** Defined, not assigned: a DOMException has a `code` already, which is read-only. */
export const withCode = <Fault extends Error>(error: Fault, code: string): Fault =>
  Object.defineProperty(error, 'code', { value: code, enumerable: true, configurable: true })

export const outOfRange = (name: string, received: unknown): RangeError =>
  withCode(new RangeError(`"${name}" is out of range: ${String(received)}`), 'ERR_OUT_OF_RANGE')

/** What most take. */
export const TEXT_OR_BYTES = 'a string or bytes'

/** `expected`: after "must be". */
export const wrongType = (name: string, expected: string, received: unknown): TypeError =>
  withCode(new TypeError(`"${name}" must be ${expected}, not ${typeof received}`), 'ERR_INVALID_ARG_TYPE')
