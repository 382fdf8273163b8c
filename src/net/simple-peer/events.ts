/**
 * Node's EventEmitter, whose methods a simple-peer instance inherits: all documented ones, with Node's results. Own code,
 * against STYLE 19, for its size: 0.5 KiB of what every page loads, where the `events` package is 1.6 and eventemitter3
 * has no `prependListener`, no `newListener` and no error that is thrown when nobody listens.
 *
 * No `#private` here, nor anywhere else that an instance leads to: frameworks put proxies in front of what they watch.
 */

import { outOfRange, wrongType } from './errors.ts'

export type Listener = (...values: never[]) => unknown
type Name = string | symbol

/** What `once` puts in a listener's place. */
interface Wrapped {
  (...values: never[]): unknown
  listener?: Listener
}

/** More listeners of one event than this are reported as a leak: Node's default. */
const LISTENERS_MAX = 10

const original = (listener: Wrapped): Listener => listener.listener ?? listener

export class EventEmitter {
  /** Lists are replaced, never changed: whoever goes through one does so undisturbed. */
  _events = new Map<Name, readonly Wrapped[]>()
  _maxListeners = LISTENERS_MAX

  on(name: Name, listener: Listener): this {
    return add(this, name, listener, (listeners) => [...listeners, listener])
  }

  addListener(name: Name, listener: Listener): this {
    return this.on(name, listener)
  }

  prependListener(name: Name, listener: Listener): this {
    return add(this, name, listener, (listeners) => [listener, ...listeners])
  }

  once(name: Name, listener: Listener): this {
    return this.on(name, onceOnly(this, name, listener))
  }

  prependOnceListener(name: Name, listener: Listener): this {
    return this.prependListener(name, onceOnly(this, name, listener))
  }

  /** The latest of several. */
  removeListener(name: Name, listener: Listener): this {
    checkListener(listener)
    remove(this, name, listener)
    return this
  }

  off(name: Name, listener: Listener): this {
    return this.removeListener(name, listener)
  }

  removeAllListeners(name?: Name): this {
    // Who wants to hear of removals goes last.
    const others = this.eventNames().filter((one) => one !== 'removeListener')
    for (const one of name === undefined ? [...others, 'removeListener'] : [name]) {
      for (const listener of this.rawListeners(one).toReversed()) remove(this, one, listener)
    }
    // Those that came meanwhile.
    if (name === undefined) this._events.clear()
    return this
  }

  /** False if nobody listens; then the error of an `error` is thrown. */
  emit(name: Name, ...values: unknown[]): boolean {
    const listeners = this._events.get(name)
    if (listeners === undefined && name === 'error') throw errorOf(values[0])
    for (const listener of listeners ?? []) Reflect.apply(listener, this, values)
    return listeners !== undefined
  }

  listeners(name: Name): Listener[] {
    return this.rawListeners(name).map(original)
  }

  rawListeners(name: Name): Wrapped[] {
    return [...(this._events.get(name) ?? [])]
  }

  listenerCount(name: Name): number {
    return this.rawListeners(name).length
  }

  eventNames(): Name[] {
    return [...this._events.keys()]
  }

  setMaxListeners(count: number): this {
    if (!(count >= 0)) throw outOfRange('n', count)
    this._maxListeners = count
    return this
  }

  getMaxListeners(): number {
    return this._maxListeners
  }
}

type Change = (listeners: readonly Wrapped[]) => Wrapped[]

function add<Emitter extends EventEmitter>(emitter: Emitter, name: Name, listener: Listener, change: Change): Emitter {
  checkListener(listener)
  emitter.emit('newListener', name, original(listener))
  const listeners = change(emitter.rawListeners(name))
  emitter._events.set(name, listeners)
  const max = emitter.getMaxListeners()
  if (max > 0 && listeners.length === max + 1) {
    console.warn(`${max + 1} ${String(name)} listeners: a leak?`)
  }
  return emitter
}

function remove(emitter: EventEmitter, name: Name, listener: Wrapped): void {
  const listeners = emitter.rawListeners(name)
  const at = listeners.findLastIndex((known) => known === listener || known.listener === listener)
  if (at === -1) return
  listeners.splice(at, 1)
  if (listeners.length > 0) emitter._events.set(name, listeners)
  else emitter._events.delete(name)
  emitter.emit('removeListener', name, original(listener))
}

function onceOnly(emitter: EventEmitter, name: Name, listener: Listener): Wrapped {
  checkListener(listener)
  let isFired = false
  const wrapped: Wrapped = (...values) => {
    if (isFired) return
    isFired = true
    emitter.removeListener(name, wrapped)
    Reflect.apply(listener, emitter, values)
  }
  wrapped.listener = listener
  return wrapped
}

function checkListener(listener: unknown): void {
  if (typeof listener !== 'function') throw wrongType('listener', 'a function', listener)
}

const errorOf = (value: unknown): Error =>
  value instanceof Error ? value : Object.assign(new Error(`Unhandled error. (${String(value)})`), { context: value })
