/**
 * The contract between the protocol and whatever runs it. `MeshNode.handle(input, now)` changes state and calls
 * methods of `Io`; it never waits, never throws on input and never looks at a clock. A shell (`net/driver.ts`, the
 * simulator) performs each effect, later or at once, and returns what comes of it as another `Input`. `Io` never calls
 * back into the core: a shell that has an answer ready queues it as the next input.
 *
 * Every job that a shell does for the core (seal, open, offer …) ends in exactly one input, unless the node was closed.
 */

import type { Body, Frame, Message, OfferMessage, RefuseReason } from './frames.ts'
import type { ExchangeId, Instant, Key, LinkId, MessageId, PeerId, RequestId, TopicId } from './ids.ts'
import type { Route } from './routes.ts'
import type { CreateTopics } from './trees.ts'

/**
 * What a link is to us. peer: a member of the mesh, the normal case. bootstrap: a server (or listening peer) that we
 * contacted for an introduction. visitor: somebody who contacted us for one.
 */
export type LinkRole = 'peer' | 'bootstrap' | 'visitor'

/** A link whose other end has proven its id (`net/handshake`). Down means down: an instance never comes back. */
export interface LinkUp {
  readonly kind: 'linkUp'
  readonly link: LinkId
  readonly peer: PeerId
  readonly role: LinkRole
  readonly transport: 'webrtc' | 'websocket' | 'memory'
  /** The channel itself is encrypted and bound to the proof, so direct frames need no seal. */
  readonly isSecure: boolean
  /** The exchange that made it; null for links that needed none. */
  readonly exchange: ExchangeId | null
}

/**
 * One object for each link, kept by a shell that wants to and handed back with every frame of it: there the core notes
 * what it would otherwise look up. It spares a simulator of ten thousand peers six reads from main memory a frame.
 */
export interface LinkMemo {
  route: Route | null
}

/** A broadcast whose signature is its source's. */
export interface Verified {
  readonly source: PeerId
  /** By the clock of its source. */
  readonly signedAt: Instant
  readonly payload: Body
}

export type Input =
  | { readonly kind: 'start' }
  /** Say goodbye on every link and refuse everything from now on. */
  | { readonly kind: 'stop' }
  | LinkUp
  | { readonly kind: 'linkDown'; readonly link: LinkId; readonly reason: string }
  /** `memo`: see `LinkMemo`. */
  | { readonly kind: 'frame'; readonly link: LinkId; readonly frame: Frame; readonly memo?: LinkMemo }
  | { readonly kind: 'timer'; readonly token: TimerToken }
  /** No bootstrap could be reached this time. */
  | { readonly kind: 'bootstrapFailed'; readonly reason: string }
  // Ends of sealing jobs.
  | { readonly kind: 'sealed'; readonly job: SealJob; readonly body: Body }
  | { readonly kind: 'opened'; readonly job: OpenJob; readonly source: PeerId; readonly message: Message }
  | { readonly kind: 'signed'; readonly tree: Key; readonly id: MessageId; readonly body: Body }
  /** `tree`: of the message: the network, or a topic. */
  | ({ readonly kind: 'verified'; readonly tree: Key; readonly id: MessageId; readonly link: LinkId } & Verified)
  /** `reply`: what the other side should be told, along the breadcrumbs: that we do not have its session. */
  | {
      readonly kind: 'jobRefused'
      readonly job: Job
      readonly reason: RefusedReason
      readonly reply?: Body
    }
  // Ends of signaling jobs.
  | { readonly kind: 'described'; readonly exchange: ExchangeId; readonly description: Body }
  /** Later candidates of an exchange (at most two batches), or renegotiation of a connected call, for the other side. */
  | { readonly kind: 'signal'; readonly exchange: ExchangeId; readonly signal: Body }
  /** A call's connection is up and proven (links come as `linkUp`). */
  | { readonly kind: 'connected'; readonly exchange: ExchangeId }
  /** An exchange came to nothing, or a connected call has closed. */
  | { readonly kind: 'exchangeFailed'; readonly exchange: ExchangeId; readonly reason: string }
  // The public face.
  | {
      readonly kind: 'send'
      readonly request: RequestId
      readonly target: PeerId
      readonly payload: Body
      readonly timeoutMs: number
    }
  /** `topic` null: to everybody. Else we must have joined it, or nobody gets it. */
  | {
      readonly kind: 'broadcast'
      readonly request: RequestId
      readonly topic: TopicId | null
      readonly payload: Body
    }
  /** From now on topics are carried: their code may come later than the rest. Twice is fine. */
  | { readonly kind: 'carryTopics'; readonly create: CreateTopics }
  /** After `carryTopics`. Twice is fine; so is leaving what was never joined. */
  | { readonly kind: 'joinTopic'; readonly topic: TopicId }
  | { readonly kind: 'leaveTopic'; readonly topic: TopicId }
  | {
      readonly kind: 'dial'
      readonly request: RequestId
      readonly target: PeerId
      readonly metadata: Body
      readonly timeoutMs: number
    }
  /** The application's word on an incoming call. */
  | { readonly kind: 'answerCall'; readonly exchange: ExchangeId; readonly accept: boolean }
  /** The caller lost interest (AbortSignal). */
  | { readonly kind: 'cancel'; readonly request: RequestId }

/** Tokens name what is due; a token whose cause has gone is ignored when it comes back. There is no cancel. */
export type TimerToken =
  | { readonly kind: 'tick' }
  /** The neighbour manager has something to see to. */
  | { readonly kind: 'maintain' }
  | { readonly kind: 'attempt'; readonly id: MessageId; readonly attempt: number }
  | { readonly kind: 'request'; readonly id: MessageId }
  | { readonly kind: 'exchange'; readonly exchange: ExchangeId }
  | { readonly kind: 'lottery' }
  /** A broadcast tree has messages to announce, to ask for, or to pass on together. */
  | { readonly kind: 'tree'; readonly tree: Key; readonly due: 'announce' | 'graft' | 'push' }
  /** Neighbours have had time to say whether they carry the topic. */
  | { readonly kind: 'topic'; readonly topic: TopicId }
  /** The sign of life that a silent link was asked for should have come by now. */
  | { readonly kind: 'overdue'; readonly link: LinkId }

/** Seal `message` so that only `target` can read it and knows who wrote it. */
export interface SealJob {
  readonly kind: 'seal'
  /**
   * request: a unicast's body, bound to its id. answer: a reply whose key the opened request left with the shell.
   * offer: a reply to a lookup, sealed like a request to the requester whom the lookup named, bound to the lookup's id.
   */
  readonly as: 'request' | 'answer' | 'offer'
  readonly id: MessageId
  /** answer: the attempt that the reply goes back along; else 0. */
  readonly attempt: number
  readonly target: PeerId
  readonly message: Message
  /** Do not use a running session: the target seems to have lost it. */
  readonly isFresh: boolean
}

/** Open what came in a unicast addressed to us, or in a reply to something we sent. */
export interface OpenJob {
  readonly kind: 'open'
  /** request: a unicast to us. reply: to our unicast (then `from` is its target) or to our lookup (`from` is null). */
  readonly as: 'request' | 'reply'
  readonly id: MessageId
  readonly attempt: number
  readonly link: LinkId
  readonly from: PeerId | null
  readonly body: Body
  /** Hops that the frame has crossed. */
  readonly hops: number
  readonly viaBootstrap: boolean
}

/** Check a broadcast's signature, age and tree before it is delivered or forwarded. */
export interface VerifyJob {
  readonly kind: 'verify'
  readonly tree: Key
  readonly id: MessageId
  readonly link: LinkId
  readonly body: Body
}

/** What became of `Io.sign` when it failed. */
export interface SignJob {
  readonly kind: 'sign'
  readonly tree: Key
  readonly id: MessageId
}

/** What is done with keys. */
export type Job = SealJob | OpenJob | VerifyJob | SignJob

/**
 * Why sealed or signed bytes were refused; each is counted under this name.
 * malformed: does not parse. undecryptable: the seal does not open. signature: the signature is not the source's.
 * expired / future: outside the 60 s + 30 s window. replayed: seen before. session: a session that we do not have.
 * network: another network's. target: sealed for, or bound to, something else.
 */
export type RefusedReason =
  | 'malformed'
  | 'undecryptable'
  | 'signature'
  | 'expired'
  | 'future'
  | 'replayed'
  | 'session'
  | 'network'
  | 'target'

/** How a request went: hops counts links crossed (1 = a neighbour), ms from call to acknowledgement. */
export interface Receipt {
  readonly hops: number
  readonly path: 'direct' | 'routed'
  readonly ms: number
  readonly attempts: number
}

/** The receipt of a broadcast: a first neighbour has it, or none has said so in time. */
export interface BroadcastReceipt extends Receipt {
  readonly broadcast: MessageId
  readonly fate: BroadcastFate
}

/** What becomes of a broadcast of our own: both grow until 256 later ones have been sent. */
export interface BroadcastFate {
  /** Links that it was sent to. */
  readonly sentTo: readonly LinkId[]
  /** Links that say they have it. */
  readonly holders: readonly LinkId[]
}

/** unreachable: every first hop gave up. timeout: no answer in time. refused: the other side said no. internal: our own key did. */
export type FailureCode = 'unreachable' | 'timeout' | 'refused' | 'cancelled' | 'closed' | 'busy' | 'internal'

/** By which path the offer of a link came about: what the live page's log says. */
export interface OfferPath {
  readonly viaBootstrap: boolean
  /** Peers and servers that relayed it. */
  readonly relays: number
}

/** What the core tells the application. */
export type NodeEvent =
  /** The ring stands, or the bootstrap says that we are the first. Once. */
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'peerUp'
      readonly peer: PeerId
      readonly offerPath: OfferPath | null
      readonly isInitiator: boolean
    }
  | { readonly kind: 'peerDown'; readonly peer: PeerId; readonly reason: string }
  | {
      readonly kind: 'message'
      readonly from: PeerId
      readonly payload: Body
      readonly delivery: 'unicast' | 'broadcast'
      /** Null: it was for us, or for everybody. */
      readonly topic: TopicId | null
      readonly hops: number
    }
  | { readonly kind: 'requestDone'; readonly request: RequestId; readonly receipt: Receipt | BroadcastReceipt }
  | { readonly kind: 'requestFailed'; readonly request: RequestId; readonly code: FailureCode; readonly detail: string }
  /** `dial` has made an exchange: the shell ties the connection that it will create to the request. */
  | { readonly kind: 'dialing'; readonly request: RequestId; readonly exchange: ExchangeId }
  | {
      readonly kind: 'call'
      readonly exchange: ExchangeId
      readonly from: PeerId
      readonly metadata: Body
      readonly offerPath: OfferPath
    }
  | { readonly kind: 'callEnded'; readonly exchange: ExchangeId; readonly reason: string }
  /** contacting → connected → left (we closed it) or lost (it went away, or could not be reached). */
  | {
      readonly kind: 'bootstrap'
      readonly state: 'contacting' | 'connected' | 'left' | 'lost'
      readonly detail: string
    }

export interface Io {
  /** 32 uniformly random bits, 0…2^32−1. Cryptographic in the network shell, seeded in the simulator. */
  random(): number
  send(link: LinkId, frame: Frame): void
  /** Flush what was sent, then close. The shell answers with `linkDown`. */
  closeLink(link: LinkId, reason: string): void
  schedule(token: TimerToken, delayMs: number): void
  /** Open one WebSocket to a bootstrap; ends in `linkUp` (role bootstrap) or `bootstrapFailed`. Backoff between URLs is the shell's. */
  contactBootstrap(purpose: 'join' | 'visit'): void
  seal(job: SealJob): void
  open(job: OpenJob): void
  /** Sign a broadcast to the network or to a topic; ends in `signed`, or in `jobRefused` if our own key fails us. */
  sign(id: MessageId, payload: Body, tree: Key): void
  verify(job: VerifyJob): void
  /** Create an offer for `remote`; ends in `described` or `exchangeFailed`. */
  createOffer(exchange: ExchangeId, to: { readonly remote: PeerId; readonly purpose: OfferMessage['purpose'] }): void
  /** Create the answer to an offer; ends in `described` or `exchangeFailed`. */
  createAnswer(
    exchange: ExchangeId,
    offer: { readonly remote: PeerId; readonly purpose: OfferMessage['purpose']; readonly description: Body },
  ): void
  /** The answer to our offer has come; ends in `linkUp`, `connected` or `exchangeFailed`. */
  acceptAnswer(exchange: ExchangeId, description: Body): void
  /** The other side's further signaling. Unknown exchanges are ignored. */
  addSignal(exchange: ExchangeId, signal: Body): void
  /** Give up on an exchange that has not become a link. Unknown ids are ignored. */
  abandon(exchange: ExchangeId, reason: RefuseReason): void
  emit(event: NodeEvent): void
}
