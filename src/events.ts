/**
 * What a mesh tells the application, and the emitter behind `mesh.on` and `topic.on`. A listener that throws has a bug of its own: the
 * mesh goes on undisturbed. The exception goes to the listeners of `error`; if there are none, it is thrown again from
 * a microtask and surfaces where the runtime reports uncaught exceptions, so that it is never swallowed. Asynchronous
 * listeners are treated alike, but for one thing: a `MeshError` that nobody listens for is dropped, because it is the
 * network's doing (`await call.accept()` when the caller has hung up), and no remote peer may end our process.
 */

import type { Call } from './call.ts'
import { MeshError, messageOf } from './errors.ts'

/** By which path the offer of a connection travelled: `viaBootstrap`, and the number of peers and servers that relayed it. */
export interface OfferPath {
  readonly viaBootstrap: boolean
  readonly relays: number
}

/** Data from another peer. */
export interface Received {
  /** The sender's id, proven by its signature. */
  readonly from: string
  readonly data: Uint8Array
  readonly kind: 'unicast' | 'broadcast'
  /** Links it crossed; 1: from a neighbour. */
  readonly hops: number
}

/** A link of this peer came up or went down. */
export interface PeerChange {
  readonly id: string
  readonly state: 'up' | 'down'
  /** Why it went down. */
  readonly reason?: string
  /** How its offer travelled; absent for links that needed none, and when it went down. */
  readonly offer?: OfferPath
  /** We made the offer. */
  readonly isInitiator?: boolean
}

/** contacting → connected → left (we closed it, first contact was made) or lost (it went away, or none answered). */
export interface BootstrapChange {
  readonly state: 'contacting' | 'connected' | 'left' | 'lost'
  readonly detail: string
}

/** Events by name, with what their listeners get. */
export interface MeshEvents {
  /** Once: the mesh can be used. */
  readonly ready: { readonly id: string }
  readonly message: Received
  readonly peer: PeerChange
  /** Somebody dials us. With no listener, calls are rejected. */
  readonly call: Call
  readonly bootstrap: BootstrapChange
  /** Nobody's promise: a fault below, or a listener of yours that threw (`cause`). */
  readonly error: MeshError
}

type Listener = (detail: never) => void

/** Calls listeners one by one and keeps their exceptions away from the mesh. */
export class Events<All extends object> {
  readonly #listeners = new Map<keyof All, Set<Listener>>()
  readonly #report: (error: MeshError) => boolean

  /** `report`: hears of listeners that throw, and says whether anybody heard; as a rule it emits `error` on the mesh. */
  constructor(report: (error: MeshError) => boolean) {
    this.#report = report
  }

  /** Returns the function that unsubscribes; it may be called twice. */
  on<Name extends keyof All & string>(name: Name, listener: (detail: All[Name]) => unknown): () => void {
    const guarded = (detail: All[Name]): void => {
      try {
        const result: unknown = listener(detail)
        if (result instanceof Promise) result.catch((error: unknown) => this.#onRejected(error, name))
      } catch (error) {
        this.#onThrown(error, name)
      }
    }
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners.add(guarded))
    return () => void listeners.delete(guarded)
  }

  /** True if anybody listens. Who begins or ceases to listen meanwhile does so for the next event. */
  emit<Name extends keyof All & string>(name: Name, detail: All[Name]): boolean {
    const listeners = [...(this.#listeners.get(name) ?? [])]
    for (const listener of listeners) listener(detail as never)
    return listeners.length > 0
  }

  #onRejected(error: unknown, name: string): void {
    if (error instanceof MeshError && name !== 'error') this.#report(wrapped(error, name))
    else this.#onThrown(error, name)
  }

  /** A listener of `error` that throws is not told of it: that could go on for ever. */
  #onThrown(error: unknown, name: string): void {
    if (name !== 'error' && this.#report(wrapped(error, name))) return
    queueMicrotask(() => {
      throw error
    })
  }
}

const wrapped = (error: unknown, name: string): MeshError =>
  new MeshError('ERR_LISTENER', `a listener of "${name}" threw: ${messageOf(error)}`, error)
