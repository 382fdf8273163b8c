/**
 * The thin shell that runs one `MeshNode` on a real machine: every effect of `Io` is one short method here, and whatever
 * comes of it returns as an `Input`. Inputs go through one queue: the core is never entered while it is at work, so an
 * effect that completes at once is simply the next input. What a clock, a timer, a socket or WebRTC is comes from
 * outside (`DriverParts`), and every body is bytes: it comes from `wire/` or from the application. Timers are not
 * unref'd: an open mesh keeps its process alive, a stopped one does not.
 */

import type { Body, Frame, Message, OfferMessage, RefuseReason } from '../core/frames.ts'
import type { ExchangeId, Instant, Key, LinkId, MessageId, PeerId } from '../core/ids.ts'
import type {
  Input,
  Io,
  Job,
  LinkRole,
  NodeEvent,
  OpenJob,
  RefusedReason,
  SealJob,
  TimerToken,
  Verified,
  VerifyJob,
} from '../core/io.ts'
import { type HandshakeFrame, handshakeVariants } from '../wire/handshake.ts'
import type { Link, LinkCounters } from './link.ts'
import { Refused } from './seal-envelope.ts'
import { sessionLostBody } from './seal.ts'
import type { After } from './timers.ts'

/** What the driver runs: `MeshNode` is one. */
export interface Core {
  handle(input: Input, now: Instant): void
}

/** A link whose other end has proven its id, on its way to the core. */
export interface ProvenLink {
  readonly link: Link
  readonly peer: PeerId
  readonly role: LinkRole
  /** The exchange that made it; null for links that needed none. */
  readonly exchange: ExchangeId | null
}

/** Seals and signatures: `Sealer` is one. What it refuses rejects with `Refused`. */
export interface Sealing {
  seal(job: SealJob): Promise<Uint8Array>
  open(job: OpenJob): Promise<{ readonly source: PeerId; readonly message: Message }>
  sign(id: MessageId, payload: Body, tree: Key): Promise<Uint8Array>
  verify(job: VerifyJob): Promise<Verified>
}

/** Offers and answers on a WebRTC implementation: `Exchanges` is one. What comes of them is dispatched as inputs. */
export type Exchanging = Pick<Io, 'createOffer' | 'createAnswer' | 'acceptAnswer' | 'addSignal' | 'abandon'>

/** Finds a bootstrap: `BootstrapClient` is one. Ends in a link attached or in the input `bootstrapFailed`. */
export interface Contacting {
  /** join: we have no mesh yet. visit: we are members who look in (DESIGN §7). */
  contact(purpose: 'join' | 'visit'): void
}

export interface DriverParts {
  readonly sealing: Sealing
  readonly exchanging: Exchanging
  readonly contacting: Contacting
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  readonly after: After
  /** 32 uniformly random bits, cryptographic (`randomWords`). */
  readonly random: () => number
  /** Called between inputs, never from within the core: it may call anything here. Must not throw. */
  readonly onEvent: (event: NodeEvent) => void
  /** Something that should never happen: the core threw. It is kept from everything else. */
  readonly onFault: (error: unknown) => void
}

/** How long `stop` waits for links to flush and close, in ms. Guess: a goodbye needs one round trip at most. */
const STOP_MS = 1_000

export class Driver implements Io {
  readonly #parts: DriverParts
  readonly #core: Core
  readonly #links = new Map<LinkId, Link>()
  readonly #timers = new Set<() => void>()
  readonly #inputs: Input[] = []
  readonly #events: NodeEvent[] = []
  #linkCount = 0
  #isDraining = false
  #isStopped = false
  #onLinksGone: () => void = () => {}

  /** `createCore` gets the driver as its `Io`. */
  constructor(createCore: (io: Io) => Core, parts: DriverParts) {
    this.#parts = parts
    this.#core = createCore(this)
  }

  /** Queue an input and, unless one is being handled, handle everything queued. Ignored once stopped. */
  dispatch(input: Input): void {
    if (this.#isStopped) return
    this.#inputs.push(input)
    if (!this.#isDraining) this.#drain()
  }

  /** A proven link joins: its frames and its end become inputs. */
  attach({ link, peer, role, exchange }: ProvenLink): void {
    if (this.#isStopped) return link.close('closed')
    const id = ++this.#linkCount as LinkId
    const { transport, isSecure } = link.channel
    this.#links.set(id, link)
    this.dispatch({ kind: 'linkUp', link: id, peer, role, transport, isSecure, exchange })
    link.onFrame = (frame) => this.#receive(id, frame)
    link.onDown = (reason) => this.#lose(id, reason)
  }

  /** What a link has carried; undefined once it is down. */
  counters(id: LinkId): LinkCounters | undefined {
    return this.#links.get(id)?.counters
  }

  /** Says goodbye on every link, waits for them to close (a second at most), and cancels all timers. Call once. */
  async stop(): Promise<void> {
    this.dispatch({ kind: 'stop' })
    await this.#closeLinks()
    this.#isStopped = true
    for (const cancel of this.#timers) cancel()
    this.#timers.clear()
  }

  #drain(): void {
    this.#isDraining = true
    // The array grows while we walk it; it is emptied in one go, which is cheaper than shifting every input.
    for (let index = 0; index < this.#inputs.length; index++) {
      this.#handle(this.#inputs[index] as Input)
      this.#deliverEvents()
    }
    this.#inputs.length = 0
    this.#isDraining = false
  }

  #handle(input: Input): void {
    try {
      this.#core.handle(input, this.#parts.now() as Instant)
    } catch (error) {
      this.#parts.onFault(error)
    }
  }

  #deliverEvents(): void {
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) this.#parts.onEvent(event)
  }

  #receive(link: LinkId, frame: Frame | HandshakeFrame): void {
    if (isHandshake(frame)) this.#links.get(link)?.close('unexpected handshake frame')
    else this.dispatch({ kind: 'frame', link, frame })
  }

  #lose(link: LinkId, reason: string): void {
    this.#links.delete(link)
    this.dispatch({ kind: 'linkDown', link, reason })
    if (this.#links.size === 0) this.#onLinksGone()
  }

  #closeLinks(): Promise<void> {
    for (const link of this.#links.values()) link.close('closed')
    if (this.#links.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const cancel = this.#parts.after(STOP_MS, resolve)
      this.#onLinksGone = () => (cancel(), resolve())
    })
  }

  // ---- effects, in the order of `Io` ---------------------------------------------------------------------------------

  random(): number {
    return this.#parts.random()
  }

  send(link: LinkId, frame: Frame): void {
    this.#links.get(link)?.send(frame)
  }

  closeLink(link: LinkId, reason: string): void {
    this.#links.get(link)?.close(reason)
  }

  schedule(token: TimerToken, delayMs: number): void {
    const cancel = this.#parts.after(delayMs, () => {
      this.#timers.delete(cancel)
      this.dispatch({ kind: 'timer', token })
    })
    this.#timers.add(cancel)
  }

  contactBootstrap(purpose: 'join' | 'visit'): void {
    this.#parts.contacting.contact(purpose)
  }

  seal(job: SealJob): void {
    this.#finish(this.#parts.sealing.seal(job), job, (body) => ({ kind: 'sealed', job, body }))
  }

  open(job: OpenJob): void {
    this.#finish(this.#parts.sealing.open(job), job, (opened) => ({ kind: 'opened', job, ...opened }))
  }

  sign(id: MessageId, payload: Body, tree: Key): void {
    const job = { kind: 'sign', tree, id } as const
    this.#finish(this.#parts.sealing.sign(id, payload, tree), job, (body) => ({ ...job, kind: 'signed', body }))
  }

  verify(job: VerifyJob): void {
    const { tree, id, link } = job
    const done = (verified: Verified): Input => ({ kind: 'verified', tree, id, link, ...verified })
    this.#finish(this.#parts.sealing.verify(job), job, done)
  }

  createOffer(exchange: ExchangeId, to: { readonly remote: PeerId; readonly purpose: OfferMessage['purpose'] }): void {
    this.#parts.exchanging.createOffer(exchange, to)
  }

  createAnswer(
    exchange: ExchangeId,
    offer: { readonly remote: PeerId; readonly purpose: OfferMessage['purpose']; readonly description: Body },
  ): void {
    this.#parts.exchanging.createAnswer(exchange, offer)
  }

  acceptAnswer(exchange: ExchangeId, description: Body): void {
    this.#parts.exchanging.acceptAnswer(exchange, description)
  }

  addSignal(exchange: ExchangeId, signal: Body): void {
    this.#parts.exchanging.addSignal(exchange, signal)
  }

  abandon(exchange: ExchangeId, reason: RefuseReason): void {
    this.#parts.exchanging.abandon(exchange, reason)
  }

  emit(event: NodeEvent): void {
    this.#events.push(event)
  }

  /** Every sealing job ends in exactly one input. */
  #finish<T>(work: Promise<T>, job: Job, done: (result: T) => Input): void {
    work.then(
      (result) => this.dispatch(done(result)),
      (error: unknown) => {
        const reason = refusedReason(error)
        // Not the bytes' fault but ours or the platform's: reported, and the core gets its one input all the same.
        if (reason === null) this.#parts.onFault(error)
        const isLost = reason === 'session' && job.kind === 'open' && job.as === 'request'
        const reply = isLost ? { reply: sessionLostBody() } : {}
        this.dispatch({ kind: 'jobRefused', job, reason: reason ?? 'malformed', ...reply })
      },
    )
  }
}

/** 32 random bits a call from a cryptographic source, fetched a kilobyte at a time: a call of its own costs 20 times more. */
export function randomWords(crypto: { getRandomValues(words: Uint32Array<ArrayBuffer>): unknown }): () => number {
  const words = new Uint32Array(256)
  let used = words.length
  return () => {
    if (used === words.length) {
      crypto.getRandomValues(words)
      used = 0
    }
    return words[used++] as number
  }
}

/** The core counts refusals by reason. Null: the error is none. */
const refusedReason = (error: unknown): RefusedReason | null => (error instanceof Refused ? error.reason : null)

const isHandshake = (frame: Frame | HandshakeFrame): frame is HandshakeFrame =>
  Object.hasOwn(handshakeVariants, frame.kind)
