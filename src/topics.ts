/** The topics of one mesh by name: joined when first asked for, until they are left or the mesh is closed. */

import type { BroadcastHandle } from './broadcast-handle.ts'
import type { TopicId } from './core/ids.ts'
import type { NodeEvent } from './core/io.ts'
import { TOPICS_MAX } from './core/frames.ts'
import { type Data, payloadOf } from './data.ts'
import { asMeshError, MeshError } from './errors.ts'
import type { SignalOption } from './mesh.ts'
import { Topic } from './topic.ts'

/** What topics need of their mesh. */
export interface TopicsParts {
  /** Joins once there is an engine, if it `isWanted` then; resolves to the topic's id. */
  readonly join: (name: string, isWanted: () => boolean) => Promise<TopicId>
  readonly leave: (topic: TopicId) => void
  readonly publish: (topic: Promise<TopicId>, payload: Uint8Array, options: SignalOption) => Promise<BroadcastHandle>
  readonly membersOf: (topic: TopicId) => readonly string[]
  readonly report: (error: MeshError) => boolean
}

interface Joined {
  readonly topic: Topic
  readonly joining: Promise<TopicId>
  /** Who publishes, and hears at once that we have left. */
  readonly publishing: Set<(error: MeshError) => void>
  id: TopicId | null
}

type Message = Extract<NodeEvent, { readonly kind: 'message' }>

export class Topics {
  readonly #parts: TopicsParts
  readonly #byName = new Map<string, Joined>()
  readonly #byId = new Map<TopicId, Topic>()

  constructor(parts: TopicsParts) {
    this.#parts = parts
  }

  /** Names of what we are in, by id. */
  get names(): ReadonlyMap<string, string> {
    return new Map([...this.#byId].map(([id, { name }]) => [id, name]))
  }

  get(name: string): Topic {
    const known = this.#byName.get(name)
    if (known !== undefined) return known.topic
    if (this.#byName.size >= TOPICS_MAX) throw new MeshError('ERR_BUSY', `in ${TOPICS_MAX} topics already: leave one`)
    return this.#join(name).topic
  }

  deliver(id: TopicId, { from, payload, hops }: Message): void {
    // Copied: it is a view of a whole transport message, parts of which we may still have to forward.
    this.#byId.get(id)?.deliver({ from, data: new Uint8Array(payload as Uint8Array), hops })
  }

  close(): void {
    for (const joined of this.#byName.values()) this.#leave(joined)
  }

  #join(name: string): Joined {
    const topic = new Topic(name, {
      publish: (data, options) => this.#publish(joined, data, options),
      peers: () => (joined.id === null ? [] : [...this.#parts.membersOf(joined.id)]),
      leave: () => this.#leave(joined),
      report: this.#parts.report,
    })
    const joining = this.#parts.join(name, () => this.#isIn(joined))
    const joined: Joined = { topic, joining, publishing: new Set(), id: null }
    this.#byName.set(name, joined)
    joining.then(
      (id) => this.#onJoined(joined, id),
      // The mesh cannot start or was closed, or the code cannot be loaded: whoever publishes hears so, and may ask again.
      (error: unknown) => this.#leave(joined, asMeshError('ERR_UNSUPPORTED', error)),
    )
    return joined
  }

  #onJoined(joined: Joined, id: TopicId): void {
    joined.id = id
    if (this.#isIn(joined)) this.#byId.set(id, joined.topic)
    // Left before the engine was there.
    else if (!this.#byName.has(joined.topic.name)) this.#parts.leave(id)
  }

  #leave(joined: Joined, error = leftError(joined)): void {
    if (!this.#isIn(joined)) return
    this.#byName.delete(joined.topic.name)
    joined.topic.end()
    for (const reject of joined.publishing) reject(error)
    if (joined.id === null) return
    this.#byId.delete(joined.id)
    this.#parts.leave(joined.id)
  }

  #isIn(joined: Joined): boolean {
    return this.#byName.get(joined.topic.name) === joined
  }

  async #publish(joined: Joined, data: Data, options: SignalOption): Promise<BroadcastHandle> {
    const payload = payloadOf(data)
    if (payload.byteLength === 0) throw new MeshError('ERR_OPTION', 'option "data" must have at least one byte')
    if (!this.#isIn(joined)) throw leftError(joined)
    const published = this.#parts.publish(joined.joining, payload, options)
    return new Promise((resolve, reject) => {
      joined.publishing.add(reject)
      published.then(resolve, reject).finally(() => joined.publishing.delete(reject))
    })
  }
}

const leftError = ({ topic }: Joined): MeshError => new MeshError('ERR_CLOSED', `topic "${topic.name}" was left`)
