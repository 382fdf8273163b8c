/**
 * What `mesh.topic` returns: one topic, as an application sees it. What it says goes to the members and over as few
 * relays as needed (`core/topic.ts`); who is not in a topic hears nothing of it.
 */

import type { BroadcastHandle } from './broadcast-handle.ts'
import type { Data } from './data.ts'
import { Events } from './events.ts'
import type { MeshError } from './errors.ts'
import type { SignalOption } from './mesh.ts'

/** A message to a topic. */
export interface TopicMessage {
  /** The sender's id, proven by its signature. */
  readonly from: string
  readonly data: Uint8Array
  /** Links it crossed; 1: from a neighbour. */
  readonly hops: number
}

/** Events by name, with what their listeners get. */
export interface TopicEvents {
  readonly message: TopicMessage
}

/** What a topic needs of its mesh. */
export interface TopicParts {
  readonly publish: (data: Data, options: SignalOption) => Promise<BroadcastHandle>
  readonly peers: () => string[]
  readonly leave: () => void
  /** A listener of ours threw. */
  readonly report: (error: MeshError) => boolean
}

/** Messages that wait for a loop that is slower than they come; then the oldest is dropped (guess). */
const WAITING_MAX = 1_024

/** One `for await` over a topic. */
interface Loop {
  readonly waiting: TopicMessage[]
  wake: () => void
}

/** Made by `mesh.topic`. */
export class Topic {
  /** As it was asked for. */
  readonly name: string
  readonly #parts: TopicParts
  readonly #events: Events<TopicEvents>
  readonly #loops = new Set<Loop>()
  #hasEnded = false

  /** Internal. */
  constructor(name: string, parts: TopicParts) {
    this.name = name
    this.#parts = parts
    this.#events = new Events(parts.report)
  }

  /**
   * Send `data` (1 byte to 15 KiB), signed, to every member. Resolves when a first neighbour says that it has it, or at
   * once if there is none to give it to: whoever of the topic we find within a minute gets it all the same. Rejects like
   * `mesh.broadcast`, with `ERR_CLOSED` once we have left, and with `ERR_UNSUPPORTED` if the code of topics cannot be loaded.
   * We do not hear our own.
   *
   * @example
   * const chat = mesh.topic('chat')
   * await chat.publish('hello, room')
   */
  publish(data: Data, options: SignalOption = {}): Promise<BroadcastHandle> {
    return this.#parts.publish(data, options)
  }

  /** Listen to an event of `TopicEvents`; returns the function that unsubscribes, which may be called twice. */
  on<Name extends keyof TopicEvents>(event: Name, listener: (detail: TopicEvents[Name]) => unknown): () => void {
    return this.#events.on(event, listener)
  }

  /**
   * Other members that we have heard of lately, at most 256. Members say that they are there every 30 s, in topics of more
   * than 30 more rarely; a newcomer knows those of a small topic after a few seconds.
   */
  peers(): string[] {
    return this.#parts.peers()
  }

  /** Nothing more of it comes; loops over it end. Twice is fine. `mesh.topic(name)` joins again. */
  leave(): void {
    this.#parts.leave()
  }

  /**
   * The messages from now on, until we leave. A loop that is slower than they come misses the oldest of more than 1,024.
   *
   * @example
   * for await (const { from, data } of mesh.topic('chat')) console.log(from, new TextDecoder().decode(data))
   */
  [Symbol.asyncIterator](): AsyncGenerator<TopicMessage, undefined> {
    const loop: Loop = { waiting: [], wake: () => {} }
    if (!this.#hasEnded) this.#loops.add(loop)
    const messages = this.#read(loop)
    const finish = messages.return.bind(messages)
    // A generator that has not begun, or that waits, would not hear of it.
    messages.return = (value) => {
      this.#end(loop)
      return finish(value)
    }
    return messages
  }

  /** Internal: a message has come. */
  deliver(message: TopicMessage): void {
    this.#events.emit('message', message)
    for (const { waiting, wake } of this.#loops) {
      if (waiting.length >= WAITING_MAX) waiting.shift()
      waiting.push(message)
      wake()
    }
  }

  /** Internal: we have left. What has come is still given. */
  end(): void {
    this.#hasEnded = true
    for (const loop of this.#loops) this.#end(loop)
  }

  #end(loop: Loop): void {
    this.#loops.delete(loop)
    loop.wake()
  }

  async *#read(loop: Loop): AsyncGenerator<TopicMessage, undefined> {
    try {
      for (;;) {
        const message = loop.waiting.shift()
        if (message !== undefined) yield message
        else if (!this.#loops.has(loop)) return undefined
        else await new Promise<void>((resolve) => (loop.wake = resolve))
      }
    } finally {
      this.#loops.delete(loop)
    }
  }
}
