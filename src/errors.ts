/**
 * The one error of the public face. Every promise that musubi hands out rejects with a `MeshError`, and every misuse
 * of an option or an argument throws one: callers branch on `code`, which is stable; messages are for people and may
 * change. Expected network outcomes that nobody waits for (a link lost, a bootstrap gone) are events, not errors.
 */

/**
 * What went wrong, in one word that programs may rely on.
 *
 * - `ERR_OPTION`: an option or argument is missing, of the wrong type or out of bounds; the message names it.
 * - `ERR_NOT_READY`: asked for something that exists only later (`mesh.id` before `ready()` or `identity()`).
 * - `ERR_CLOSED`: the mesh was closed, before or during the call; or the call on the other side has ended.
 * - `ERR_ABORTED`: the `AbortSignal` of this call was aborted; `cause` is the signal's reason.
 * - `ERR_TIMEOUT`: no answer within `timeoutMs`. The message may have arrived all the same.
 * - `ERR_UNREACHABLE`: no path to that peer: every first hop gave up, or there was none.
 * - `ERR_REFUSED`: the other side said no (a call rejected, an offer refused); the message says why.
 * - `ERR_BUSY`: too much in flight here already; try again later.
 * - `ERR_TOO_LARGE`: data or metadata over the limit; the message names the limit in bytes.
 * - `ERR_UNSUPPORTED`: this runtime cannot do it (`listen` in a browser).
 * - `ERR_BOOTSTRAP`: no bootstrap could be reached, or it refused us; the message says which and why.
 * - `ERR_LISTENER`: only in the `error` event: a listener of yours threw; `cause` is what it threw.
 * - `ERR_INTERNAL`: a fault of musubi's own or of the WebRTC below it; please report it.
 */
export type MeshErrorCode =
  | 'ERR_OPTION'
  | 'ERR_NOT_READY'
  | 'ERR_CLOSED'
  | 'ERR_ABORTED'
  | 'ERR_TIMEOUT'
  | 'ERR_UNREACHABLE'
  | 'ERR_REFUSED'
  | 'ERR_BUSY'
  | 'ERR_TOO_LARGE'
  | 'ERR_UNSUPPORTED'
  | 'ERR_BOOTSTRAP'
  | 'ERR_LISTENER'
  | 'ERR_INTERNAL'

/**
 * The only kind of error that musubi's promises reject with.
 *
 * @example
 * try {
 *   await mesh.send(peerId, 'hello')
 * } catch (error) {
 *   if (error instanceof MeshError && error.code === 'ERR_UNREACHABLE') console.log('gone')
 * }
 */
export class MeshError extends Error {
  override readonly name = 'MeshError'
  readonly code: MeshErrorCode

  /** `cause`: whatever lies beneath, if anything does: the platform's error, an abort reason. */
  constructor(code: MeshErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
  }
}

/** The error of a wait whose `AbortSignal` has fired. */
export const abortError = (signal: AbortSignal): MeshError =>
  new MeshError('ERR_ABORTED', `aborted: ${messageOf(signal.reason)}`, signal.reason)

/** Whatever is asked of a mesh after its end, or waits then. */
export const closedError = (): MeshError => new MeshError('ERR_CLOSED', 'the mesh is closed')

/** Wrap whatever was thrown, unless it is a `MeshError` already. */
export const asMeshError = (code: MeshErrorCode, thrown: unknown): MeshError =>
  thrown instanceof MeshError ? thrown : new MeshError(code, messageOf(thrown), thrown)

/** The text of whatever was thrown. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))
