/**
 * What travels: frames between neighbours, and messages end to end inside them. These are the decoded forms; their
 * bytes are `wire/` and docs/PROTOCOL.md. Routed frames (unicast, lookup, reply, broadcast) may cross many links and
 * show a relay no more than it needs; link-local frames never travel further than the link they came on.
 */

import type { BucketRange } from './geometry.ts'
import type { ExchangeId, Key, MessageId, PeerId } from './ids.ts'

/**
 * Bytes the core carries but never looks into: sealed bodies, SDP, payloads. The network shell passes `Uint8Array`s;
 * the simulator may pass objects that only state a length.
 */
export interface Body {
  readonly byteLength: number
}

/**
 * Every routed frame starts at this hop limit; greater ones are clamped on receipt (DESIGN §3). The hop limit is what the
 * whole search may still spend, dead ends included; `hops` counts the links from the source along the present way only,
 * and starts at 0. No signature covers either, so `hops` goes into receipts and logs and decides nothing.
 */
export const HOP_LIMIT_MAX = 40

/** Attempts of one message through different first hops that the wire can tell apart (four bits). */
export const ATTEMPTS_MAX = 16

/** To one peer; sealed to it. Relays see the target, a random id, the hop limit and a size. */
export interface UnicastFrame {
  readonly kind: 'unicast'
  readonly hopLimit: number
  readonly hops: number
  /** 0…15: which try of this message it is; each try leaves breadcrumbs of its own. */
  readonly attempt: number
  /** Set by a bootstrap that forwards the frame: the log of a link says so. */
  readonly viaBootstrap: boolean
  readonly id: MessageId
  readonly target: PeerId
  readonly body: Body
}

/**
 * To the peer closest to `target` that is suitable: one in those buckets of `requester`, or the closest, that has room
 * answers with an offer sealed to `requester`, whom the lookup therefore names.
 */
export interface LookupFrame extends BucketRange {
  readonly kind: 'lookup'
  readonly hopLimit: number
  readonly hops: number
  readonly attempt: number
  readonly viaBootstrap: boolean
  readonly id: MessageId
  readonly target: Key
  readonly requester: PeerId
  readonly slot: Slot
}

/** Back along the breadcrumbs of the unicast or lookup with the same id and attempt. */
export interface ReplyFrame {
  readonly kind: 'reply'
  readonly hopLimit: number
  readonly hops: number
  readonly attempt: number
  readonly viaBootstrap: boolean
  readonly id: MessageId
  readonly body: Body
}

/**
 * To every peer of the network once, or to every member of a topic; signed by its source inside the body, verified
 * before it is forwarded.
 */
export interface BroadcastFrame {
  readonly kind: 'broadcast'
  readonly hopLimit: number
  readonly hops: number
  readonly id: MessageId
  /** Which tree: the network, or a topic. */
  readonly target: Key
  /** Its source gave it to everybody whom it knows, so it needs no tree. Says nothing on any other link than the source's. */
  readonly isDirect: boolean
  readonly body: Body
}

/** "I could not bring this any closer": the frame goes back to the previous hop, which tries its next best. */
export interface NackFrame {
  readonly kind: 'nack'
  readonly reason: NackReason
  readonly frame: UnicastFrame | LookupFrame
}

/**
 * dead-end: no link brings it closer. seen: it has been here. spent: hop limit used up. busy: over budget. nobody: a
 * lookup has come to the peer closest to its key, and not even that one is close enough; peers do not search on.
 */
export type NackReason = 'dead-end' | 'seen' | 'spent' | 'busy' | 'nobody'

/** A message to the neighbour itself over a secure, proven link: the channel protects it, so nothing is sealed. */
export interface DirectFrame {
  readonly kind: 'direct'
  readonly id: MessageId
  /** True: answers the direct frame with the same id. */
  readonly isReply: boolean
  readonly message: Message
}

/** "I am here." `isEcho: false` asks for an echo of `stamp`, by which the asker measures the round trip. */
export interface HeartbeatFrame {
  readonly kind: 'heartbeat'
  readonly isEcho: boolean
  /** The sender could take another link that somebody asks it for. */
  readonly hasRoom: boolean
  /** Sender's clock in milliseconds modulo 2^32, handed back unread. */
  readonly stamp: number
}

/** Says whether the sender wants this link for a slot of its own. It closes when neither side does (DESIGN §5). */
export interface KeepFrame {
  readonly kind: 'keep'
  readonly wanted: boolean
}

/** Ids of neighbours of the sender, chosen for the receiver: each can be reached over this link in two hops. */
export interface PeersFrame {
  readonly kind: 'peers'
  /** At most `PEERS_PER_FRAME_MAX`. */
  readonly peers: readonly PeerId[]
  /** Bit i: `peers[i]` has said lately that it has room for another link. A hint: who has none refuses. */
  readonly room: number
}

export const PEERS_PER_FRAME_MAX = 32

/** From a bootstrap: who to talk to first, and whether to stay for now as an entry for others. */
export interface IntroductionFrame {
  readonly kind: 'introduction'
  /** At most 3 (DESIGN §7). */
  readonly entries: readonly PeerId[]
  /** Milliseconds to keep the socket open as an entry; 0: leave once the ring stands. */
  readonly leaseMs: number
}

/** "These I hold": what a lazy neighbour hears of broadcasts instead of the payload (Plumtree, IHAVE). */
export interface IhaveFrame {
  readonly kind: 'ihave'
  /** Which tree: the target of its broadcasts. */
  readonly target: Key
  /** At most `IHAVES_PER_FRAME_MAX`. */
  readonly entries: readonly IhaveEntry[]
}

export interface IhaveEntry {
  readonly id: MessageId
  /** Links that a copy would have crossed, had it come from the sender to the receiver: 1…40. */
  readonly hops: number
}

export const IHAVES_PER_FRAME_MAX = 256

/** "Give me these", and from now on, where `isEager`, everything (Plumtree, GRAFT). */
export interface GraftFrame {
  readonly kind: 'graft'
  readonly target: Key
  readonly isEager: boolean
  /** At most `GRAFTS_PER_FRAME_MAX`; none: only the place in the tree is wanted. */
  readonly ids: readonly MessageId[]
}

export const GRAFTS_PER_FRAME_MAX = 64

/** "I get it from somebody else": no more payloads over this link, only `ihave` (Plumtree, PRUNE). */
export interface PruneFrame {
  readonly kind: 'prune'
  readonly target: Key
}

/** What the sender still holds of the last minute, newest first: who lacks one asks for it, who holds more answers with the rest. */
export interface DigestFrame {
  readonly kind: 'digest'
  readonly target: Key
  /** Answers a digest, with what that one did not name; is not answered itself. */
  readonly isReply: boolean
  /** At most `DIGEST_MAX`. */
  readonly entries: readonly DigestEntry[]
}

export interface DigestEntry {
  readonly id: MessageId
  /** Seconds, rounded up, since the sender got it: what is older than the receiver's own time in the mesh is not for it. 0…255. */
  readonly ageS: number
}

export const DIGEST_MAX = 256

/**
 * What the sender is to a topic. A neighbour that has nothing to do with it ignores that, unless it is needed. Everything
 * of the topic then travels over the links between those that carry it.
 */
export interface TopicFrame {
  readonly kind: 'topic'
  readonly target: Key
  readonly role: TopicRole
  /** The receiver is to carry the topic as well: the sender's way to the rest of it leads over it (Scribe, JOIN). */
  readonly isNeeded: boolean
  /** Answers another; is not answered itself. */
  readonly isReply: boolean
}

/** Topics that an application may be in (guess: a workspace with many rooms). */
export const TOPICS_MAX = 64

/** out: carries nothing of it (any more). relay: passes it on, because others need it to. member: wants it itself. */
export type TopicRole = 'out' | 'relay' | 'member'

/** The last frame on a link: the other side need not wait for silence. */
export interface GoodbyeFrame {
  readonly kind: 'goodbye'
  readonly reason: string
}

export type RoutedFrame = UnicastFrame | LookupFrame | ReplyFrame | BroadcastFrame
export type LinkLocalFrame =
  | NackFrame
  | DirectFrame
  | HeartbeatFrame
  | KeepFrame
  | PeersFrame
  | IntroductionFrame
  | TreeFrame
  | TopicFrame
  | GoodbyeFrame
/** What neighbours say to each other about a broadcast tree. */
export type TreeFrame = IhaveFrame | GraftFrame | PruneFrame | DigestFrame
/** Of one tree, that of `target`. */
export type SpreadFrame = BroadcastFrame | TreeFrame | TopicFrame
/** All frames the core sends or receives. Handshake frames (`net/`) come before a link reaches the core. */
export type Frame = RoutedFrame | LinkLocalFrame

/** What a link is wanted for, in the order of its claim to a place (DESIGN §5). `guest`: a newcomer's first link. */
export type Slot = 'ring' | 'bucket' | 'random' | 'guest'

/** What two peers say to each other end to end, inside a seal or a direct frame. */
export type Message =
  | { readonly kind: 'data'; readonly payload: Body }
  | { readonly kind: 'ack' }
  | OfferMessage
  | { readonly kind: 'answer'; readonly exchange: ExchangeId; readonly description: Body }
  /** Further signaling of a running exchange, in the order it was sent: batched candidates, or renegotiation of a call. */
  | { readonly kind: 'signal'; readonly exchange: ExchangeId; readonly signal: Body }
  | { readonly kind: 'refuse'; readonly exchange: ExchangeId; readonly reason: RefuseReason }

export interface OfferMessage {
  readonly kind: 'offer'
  readonly exchange: ExchangeId
  /** link: a link of the mesh. call: a connection for the application (`mesh.dial`). */
  readonly purpose: 'link' | 'call'
  /** For links: what the offerer wants it for. */
  readonly slot: Slot
  readonly description: Body
  /** For calls: what the caller says about itself; empty for links. */
  readonly metadata: Body
}

/**
 * full: no free slot. busy: too many exchanges in flight. glare: our own offer to you stands. linked: we have a link.
 * rejected: the application said no. failed: the platform refused the description. closed: leaving, or hung up.
 */
export type RefuseReason = 'full' | 'busy' | 'glare' | 'linked' | 'rejected' | 'failed' | 'closed' | 'timeout'
