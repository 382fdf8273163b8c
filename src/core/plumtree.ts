/**
 * One epidemic broadcast tree: Plumtree (Leitão, Pereira, Rodrigues, "Epidemic Broadcast Trees", SRDS 2007) over the
 * links of the mesh. A message goes at once to the eager links and is announced to all others; a duplicate cuts the link
 * that it came on out of the tree (PRUNE), an announcement of something that does not come grows one back (GRAFT). What
 * is left is a spanning tree of the fastest paths that mends itself. The network's broadcasts are one tree; every topic is
 * another one, in which some peers are only relays. Signatures, sources and what the application hears are `broadcast.ts`'s.
 *
 * Deviations from the paper, each where it happens: the tree is shortened in time and not only in hops, which makes it
 * nearly as fast as a flood from any source; a digest with a random neighbour brings what was missed altogether;
 * announcing at a high rate is rationed (`announcements.ts`); places in the tree have to be earned (`eager-peers.ts`).
 */

import { Announcements } from './announcements.ts'
import { BroadcastCache, type Held } from './broadcast-cache.ts'
import { EagerPeers } from './eager-peers.ts'
import {
  type BroadcastFrame,
  DIGEST_MAX,
  type DigestEntry,
  type DigestFrame,
  type GraftFrame,
  GRAFTS_PER_FRAME_MAX,
  HOP_LIMIT_MAX,
  type IhaveFrame,
} from './frames.ts'
import type { Instant, LinkId, MessageId } from './ids.ts'
import type { TimerToken } from './io.ts'
import { type Due, type Holder, type Missing, MissingMessages } from './missing.ts'
import { Pace } from './pace.ts'
import { RoundTrip } from './round-trip.ts'
import type { Route } from './routes.ts'
import type { Arrival, TreeConfig, TreeCounters, TreeHooks } from './tree.ts'

/** A link this many hops nearer to the source takes the place of the one that brought the message (SRDS 2007, §5: 7). */
const SHORTCUT_HOPS = 7
/** And one who would have brought it so much sooner. */
const SHORTCUT_MS = 50
/** Messages under way together would each change the tree, and together break it (100 senders at once: RMR 2.0). */
const SHORTCUT_REST_MS = 900
/**
 * Changes of the tree that one peer makes at a high rate (`pace.ts`). Cutting must be rare, or one circle is cut twice; a
 * shortcut can wait; a graft mends. With grafts at 1 the tree of 60 peers under a flood took 1 s to mend, with 40 Glomers'
 * 25 made circles again.
 */
const [PRUNES_PER_SECOND, SHORTCUTS_PER_SECOND, GRAFTS_PER_SECOND] = [1, 0.1, 10]
/** One graft may mend all that is missing; several at once make circles (Gossip Glomers: RMR 1.8). */
const GRAFT_REST_MS = 500
/** The tree may take so many 95th percentiles of a link's round trip (REFERENCE §8). */
const GRAFT_ROUND_TRIPS = 2
/** Least: an announcement waits 20 ms, a signature takes up to 3; iroh-gossip asks after 80 and again after 40 ms. */
const GRAFT_MIN_MS = 50
/** Least, most, and before any message has shown how long the tree takes (guesses; a second is an outage of its own). */
const PATIENCE = { minMs: 0, maxMs: 1_000, firstMs: 250 } as const
/** Where payloads are held back, announcements are not: each hop of the tree takes so much longer (guess: half of 25 peers' depth). */
const HELD_HOPS = 3
/** A relay remembers so long who has what it does not want itself; whoever wants it asks within a second or two (guess). */
const RELAY_NOTES_MS = 10_000
/** Before a link has been measured (guess; links measure themselves when they come up). */
const ROUND_TRIP_FIRST_MS = 150
/** DESIGN, REFERENCE §8. Half of it up or down, so that peers which came together do not speak together. */
const DIGEST_MS = 10_000
/** Any one of them may be as ill informed as we are (guess). */
const ASKED_WHEN_AWAKE = 3
/** Of a peer, at most (`NodeConfig.linksMax`), those that are being replaced included. */
const LINKS_MAX = 512

/** Payloads that wait to leave together; more do not wait. */
const OUTGOING_MAX = 4_096

type TreeTimer = Extract<TimerToken, { kind: 'tree' }>['due']

export class Plumtree {
  readonly peers: EagerPeers
  readonly cache: BroadcastCache
  readonly #config: TreeConfig
  readonly #hooks: TreeHooks
  readonly #counters: TreeCounters
  readonly #announcements = new Announcements()
  readonly #missing = new MissingMessages()
  readonly #pace: Pace
  readonly #outgoing: [LinkId, BroadcastFrame][] = []
  /** How much later than its first announcement a message comes along the tree. */
  readonly #lag = new RoundTrip()
  #digestAt = 0
  #shortenedAt = 0
  #graftedAt = 0

  constructor(config: TreeConfig, counters: TreeCounters, hooks: TreeHooks) {
    this.#config = config
    this.#counters = counters
    this.#hooks = hooks
    this.#pace = new Pace(hooks.random)
    this.peers = new EagerPeers(config.bucketOf)
    this.cache = new BroadcastCache(config.limits)
  }

  get collections(): Record<string, { size: number; max: number }> {
    return {
      ...this.cache.collections,
      broadcastOutgoing: { size: this.#outgoing.length, max: OUTGOING_MAX },
      broadcastStandings: { size: this.peers.size, max: LINKS_MAX },
      broadcastMissing: { size: this.#missing.size, max: this.#missing.max },
      broadcastAnnouncing: { size: this.#announcements.size, max: this.#announcements.max },
    }
  }

  /** Sends a message of our own; to whom. All other links hear of it. */
  publish(frame: BroadcastFrame, now: Instant): LinkId[] {
    this.#begin()
    this.cache.keep(frame, null, now)
    const links = this.#hooks.links()
    const sentTo = frame.isDirect ? links.flatMap(({ link }) => this.#give(frame, link)) : this.#pushOwn(frame)
    // At once, for announcements wait where many are under way: the one link that a leaf depends on may be the end of it.
    const told = this.peers.witnesses(links, sentTo, this.#hooks.random)
    const entries = [{ id: frame.id, hops: 1 }]
    for (const link of told) this.#hooks.send(link, { kind: 'ihave', target: this.#config.tree, entries })
    this.#announce(frame, [...sentTo, ...told], now)
    return sentTo
  }

  /** Brings a message of our own to links that have not said that they have it. */
  flood(id: MessageId, links: readonly LinkId[]): void {
    const held = this.cache.get(id)
    if (held === undefined) return
    for (const link of links) this.#give(held.frame, link)
  }

  /** A message that we did not have, verified. */
  accept(frame: BroadcastFrame, arrival: Arrival, now: Instant): void {
    const isFromSource = arrival.source === arrival.from.peer
    const kept: BroadcastFrame = {
      ...frame,
      isDirect: false,
      // Ids end a broadcast, not its hop limit: whoever gave us one of 0 first would have us announce what we cannot give.
      hopLimit: Math.max(1, frame.hopLimit),
      hops: Math.min(HOP_LIMIT_MAX - 1, frame.hops),
    }
    if (frame.isDirect && isFromSource) this.#acceptDirect(kept, arrival, now)
    else this.#acceptOfTree(kept, arrival, now)
  }

  /**
   * The source has given it to everybody, at the least cost and in one hop: it is announced, for those whom it did not
   * know or who lost it, and goes no further. It says nothing of the tree. A relay that claims this of another's message
   * is not heard, so nobody can stop anything but his own.
   */
  #acceptDirect(frame: BroadcastFrame, { from, others }: Arrival, now: Instant): void {
    this.#missing.take(frame.id)
    this.cache.keep(frame, from.link, now)
    const holders = others.map(({ link }) => link)
    this.#announce(frame, holders, now, from.link)
  }

  #acceptOfTree(frame: BroadcastFrame, { from, source, others }: Arrival, now: Instant): void {
    const { link } = from
    this.#begin()
    const missing = this.#missing.take(frame.id)
    if (source !== from.peer && this.#hooks.route(link) !== undefined) this.peers.gave(link)
    // What we asked for came because we asked: a place went with the question, or did not.
    if (missing?.asked !== link && !this.peers.isJustPruned(link, now)) this.#admit(link, now)
    this.cache.keep(frame, link, now)
    this.#pace.count(now)
    if (missing !== undefined) this.#shortenPath(frame, link, missing, now)
    if (missing !== undefined && missing.asked !== link) this.#lag.add(now - missing.since)
    const holders = [from, ...others, ...(missing?.holders ?? [])].map((holder) => holder.link)
    holders.push(...this.#push(frame, holders))
    for (const wanting of missing?.wantedBy ?? [])
      if (!holders.includes(wanting)) holders.push(...this.#give(frame, wanting))
    this.#announce(frame, holders, now, this.#hooks.linkTo(source))
    for (const other of others) this.#onSecond(frame.id, other.link, now)
    if (this.#isUseless(link)) this.#cut(link, now)
  }

  /** Have we asked that link for it? */
  isAskedOf(id: MessageId, link: LinkId): boolean {
    return this.#missing.askedOf(id) === link
  }

  /** A message that has come and is not wanted: nobody need be asked for it, or be blamed that it has not come. */
  refuse(id: MessageId, now: Instant): void {
    this.#missing.take(id)
    this.cache.refuse(id, now)
  }

  /** A copy of a message that we have. */
  onDuplicate({ id, isDirect }: BroadcastFrame, link: LinkId, now: Instant): void {
    this.#counters.duplicates++
    this.#announcements.hold(id, link)
    if (!isDirect) this.#onSecond(id, link, now)
  }

  /**
   * A neighbour has these. A relay need not have them too: it passes the word on, and asks when it is asked itself. So
   * relays carry nothing for which there is another way.
   */
  onIhave({ entries }: IhaveFrame, from: Route, now: Instant): void {
    const isHollow = this.#isHollow(from, now)
    const { link } = from
    for (const { id, hops } of entries) {
      if (this.cache.has(id)) this.#announcements.hold(id, link)
      else if (isHollow) this.#counters.ignored++
      else if (
        this.#note(id, { link, hops, isEager: true }, { inMs: this.#patienceMs(from), now }) &&
        this.#hooks.isRelay()
      )
        this.#announce({ id, hops }, [link], now)
    }
  }

  onGraft({ isEager, ids }: GraftFrame, from: Route, now: Instant): void {
    if (isEager && !this.#admit(from.link, now)) this.#prune(from.link, now)
    for (const id of ids) {
      const held = this.cache.get(id)
      if (held === undefined) this.#schedule('graft', this.#missing.want(id, from.link, now))
      else if (this.#hooks.afford(held.frame, from, now)) this.#send(from.link, held.frame)
    }
  }

  onPrune(link: LinkId): void {
    this.peers.onPruned(link)
  }

  /** Asks at once for what we lack, and answers with what the other side lacks. */
  onDigest({ isReply, entries }: DigestFrame, from: Route, now: Instant): void {
    const isHollow = this.#isHollow(from, now)
    const news = entries.filter(({ id, ageS }) => !isHollow && !this.cache.has(id) && this.#isForUs(ageS, now))
    const holder: Holder = { link: from.link, hops: HOP_LIMIT_MAX, isEager: false }
    const noted = news.filter(({ id }) => this.#note(id, holder, { inMs: 0, now }))
    if (this.#hooks.isRelay()) this.#passOn(noted, from)
    if (isReply) return
    const named = new Set(entries.map(({ id }) => id))
    const rest = this.cache.newest(Infinity).filter(([id]) => !named.has(id))
    while (rest.length > 0) this.#sendDigest(from.link, rest.splice(0, DIGEST_MAX), { isReply: true, now })
  }

  onTimer(due: TreeTimer, now: Instant): void {
    switch (due) {
      case 'announce':
        return this.#sendAnnouncements(now)
      case 'graft':
        return this.#ask(now)
      case 'push':
        for (const [link, frame] of this.#outgoing.splice(0)) this.#hooks.send(link, frame)
    }
  }

  /** A link of the mesh has come up: between its ends may have lain a partition. */
  onLinkUp(link: LinkId, now: Instant): void {
    if (!this.cache.isEmpty) this.#sendDigest(link, this.cache.newest(DIGEST_MAX), { isReply: false, now })
  }

  onLinkDown(link: LinkId, now: Instant): void {
    this.peers.forget(link)
    this.#missing.forget(link, now)
    this.#schedule('graft', this.#missing.timerMs(now))
  }

  /** Tells a few neighbours what we have, so that they bring the rest. */
  askAround(now: Instant): void {
    for (let i = 0; i < ASKED_WHEN_AWAKE; i++) this.#exchange(now)
  }

  tick(now: Instant): void {
    this.cache.tick(now)
    if (this.cache.isEmpty || now < this.#digestAt) return
    const isFirst = this.#digestAt === 0
    this.#digestAt = now + DIGEST_MS * (0.5 + this.#hooks.random() / 2 ** 32)
    if (!isFirst) this.#exchange(now)
  }

  #begin(): void {
    this.peers.begin(this.#hooks.links(), this.#hooks.random, { isRelay: this.#hooks.isRelay() })
  }

  // ---- eager push -----------------------------------------------------------------------------------------------------

  /** To all eager links but those that have it; to whom it went. */
  #push(frame: BroadcastFrame, holders: readonly LinkId[]): LinkId[] {
    const sentTo: LinkId[] = []
    for (const standing of this.peers.eager) {
      const { link } = standing
      if (holders.includes(link) || this.#hooks.route(link) === undefined) continue
      this.#send(link, frame)
      sentTo.push(link)
      standing.taken++
    }
    return sentTo
  }

  #pushOwn(frame: BroadcastFrame): LinkId[] {
    const sentTo = this.#push(frame, [])
    for (const link of this.peers.besides(this.#hooks.links(), this.#hooks.random))
      sentTo.push(...this.#give(frame, link))
    return sentTo
  }

  /** Whoever asked gets it, whether or not it has a place. */
  #give(frame: BroadcastFrame, link: LinkId): LinkId[] {
    if (this.#hooks.route(link) === undefined) return []
    this.#send(link, frame)
    return [link]
  }

  #send(link: LinkId, { hopLimit, hops, id, target, isDirect, body }: BroadcastFrame): void {
    this.#counters.sent++
    const copy: BroadcastFrame = {
      kind: 'broadcast',
      hopLimit: hopLimit - 1,
      hops: hops + 1,
      id,
      target,
      isDirect,
      body,
    }
    const { holdMs } = this.#config
    if (holdMs === 0 || this.#outgoing.length >= OUTGOING_MAX) return this.#hooks.send(link, copy)
    if (this.#outgoing.push([link, copy]) === 1) this.#schedule('push', holdMs)
  }

  // ---- the tree -------------------------------------------------------------------------------------------------------

  /** That link brought a message second: it is no part of the tree, whatever it thinks. */
  #onSecond(id: MessageId, link: LinkId, now: Instant): void {
    if (this.cache.get(id)?.from !== link && !this.peers.isJustAdded(link, now)) this.#cut(link, now)
  }

  /** We do not want it, and have nobody to pass it on to. */
  #isUseless(link: LinkId): boolean {
    return this.#hooks.isRelay() && this.peers.eager.every((standing) => standing.link === link)
  }

  /** Not every time: see `pace.ts`. */
  #cut(link: LinkId, now: Instant): void {
    if (this.#pace.allows(PRUNES_PER_SECOND, now)) this.#prune(link, now)
  }

  #prune(link: LinkId, now: Instant): void {
    if (this.#hooks.route(link) === undefined || this.peers.isJustPruned(link, now)) return
    this.peers.prune(link, now)
    this.#counters.prunes++
    this.#hooks.send(link, { kind: 'prune', target: this.#config.tree })
  }

  /** It has a place with us from now on, if there is one. A link may have gone while what it brought was verified. */
  #admit(link: LinkId, now: Instant): boolean {
    if (this.#hooks.route(link) === undefined) return false
    const { isAdmitted, loser } = this.peers.add(link, now)
    if (loser !== null) this.#prune(loser, now)
    return isAdmitted
  }

  /**
   * Somebody announced it so long before it came that he is the better parent: Plumtree's optimisation, which counts hops,
   * and with hops in time. Whoever had it earlier cannot have it from us, so that what remains is still a tree.
   */
  #shortenPath(frame: BroadcastFrame, from: LinkId, missing: Missing, now: Instant): void {
    const [first] = missing.holders
    if (first === undefined || missing.asked !== null || first.link === from) return
    // Who takes and never gives announces as early as anybody: a part of a thousand peers was cut off behind one of these.
    if (this.peers.brokenOf(first.link) > 0) return
    if (frame.hops - first.hops < SHORTCUT_HOPS && now - missing.since < SHORTCUT_MS) return
    // Two that take each other for a parent, each for another message, cut themselves off.
    if (now - this.#shortenedAt < SHORTCUT_REST_MS || !this.#pace.allows(SHORTCUTS_PER_SECOND, now)) return
    this.#shortenedAt = now
    if (!this.#admit(first.link, now)) return
    this.#counters.grafts++
    this.#hooks.send(first.link, { kind: 'graft', target: this.#config.tree, isEager: true, ids: [] })
    this.#prune(from, now)
  }

  // ---- lazy push ------------------------------------------------------------------------------------------------------

  /** `source`: the link to whom it is from, if there is one. It is told as well, and learns that we have it. */
  #announce(
    { id, hops }: Pick<BroadcastFrame, 'id' | 'hops'>,
    holders: LinkId[],
    now: Instant,
    source: LinkId | null = null,
  ): void {
    if (hops >= HOP_LIMIT_MAX) return
    this.#schedule('announce', this.#announcements.add(id, { hops: hops + 1, holders, source }, now))
  }

  #sendAnnouncements(now: Instant): void {
    const links = this.#hooks.links().map(({ link }) => link)
    for (const [link, entries] of this.#announcements.take(links, now)) {
      this.#counters.announced += entries.length
      this.#hooks.send(link, { kind: 'ihave', target: this.#config.tree, entries })
    }
  }

  /** A relay's word is another's, who may have lied to it: who wants a message asks it last, but hears it. */
  #isHollow({ link }: Route, now: Instant): boolean {
    return (
      this.peers.isHollow(link, now) &&
      (this.#hooks.isRelay() || this.#hooks.audience().some((one) => one.link === link))
    )
  }

  /** True: nobody had told us before. What finds no room is not news: two relays would tell each other for ever. */
  #note(id: MessageId, holder: Holder, { inMs, now }: { readonly inMs: number; readonly now: Instant }): boolean {
    const isRelay = this.#hooks.isRelay()
    const before = this.#missing.size
    const isHollow = this.peers.isHollow(holder.link, now)
    const note = { inMs: isRelay ? RELAY_NOTES_MS : inMs, isWanted: !isRelay, isHollow, now }
    this.#schedule('graft', this.#missing.note(id, holder, note))
    return this.#missing.size > before
  }

  /** Those whose time has come: asked of as few neighbours as have them all, and only the first is taken into the tree. */
  #ask(now: Instant): void {
    const questions = new Map<LinkId, MessageId[]>()
    let grafted: LinkId | null = null
    for (const due of this.#missing.due(now, questions, this.peers)) {
      const { next, failed } = due
      if (failed !== null) this.peers.broke(failed, now)
      if (next === null || !this.#question(due, questions, now)) continue
      if (grafted === null && next.isEager && now - this.#graftedAt >= GRAFT_REST_MS) grafted = next.link
    }
    if (!this.#pace.allows(GRAFTS_PER_SECOND, now)) grafted = null
    if (grafted !== null) {
      this.#graftedAt = now
      this.#admit(grafted, now)
    }
    for (const [link, ids] of questions) this.#sendGrafts(link, ids, link === grafted)
    this.#schedule('graft', this.#missing.timerMs(now))
  }

  /** False: its link is gone. */
  #question({ id, missing, next }: Due, questions: Map<LinkId, MessageId[]>, now: Instant): boolean {
    const route = next === null ? undefined : this.#hooks.route(next.link)
    if (route === undefined) return false
    missing.dueAt = now + this.#graftMs(route)
    const ids = questions.get(route.link)
    if (ids === undefined) questions.set(route.link, [id])
    else ids.push(id)
    return true
  }

  #sendGrafts(link: LinkId, ids: readonly MessageId[], isEager: boolean): void {
    for (let i = 0; i < ids.length; i += GRAFTS_PER_FRAME_MAX) {
      this.#counters.grafts++
      const some = ids.slice(i, i + GRAFTS_PER_FRAME_MAX)
      this.#hooks.send(link, { kind: 'graft', target: this.#config.tree, isEager, ids: some })
    }
  }

  /**
   * How long the tree may take to bring what a neighbour has announced: two round trips, or what it took lately. Without
   * the latter one message in six was asked for while it was under way, and came twice (100 peers, random senders).
   */
  #patienceMs(route: Route): number {
    return Math.max(this.#graftMs(route), this.#lag.overdueMs(PATIENCE)) + HELD_HOPS * this.#config.holdMs
  }

  #graftMs({ roundTrip }: Route): number {
    const roundTripMs = roundTrip?.p95Ms(ROUND_TRIP_FIRST_MS) ?? ROUND_TRIP_FIRST_MS
    return Math.max(GRAFT_MIN_MS, GRAFT_ROUND_TRIPS * roundTripMs) + this.#config.holdMs
  }

  #schedule(due: TreeTimer, delayMs: number | null): void {
    if (delayMs !== null) this.#hooks.schedule({ kind: 'tree', tree: this.#config.tree, due }, delayMs)
  }

  // ---- anti-entropy ---------------------------------------------------------------------------------------------------

  /** With a neighbour at random. */
  #exchange(now: Instant): void {
    const links = this.#hooks.links()
    if (links.length === 0) return
    const { link } = links[this.#hooks.random() % links.length] as Route
    this.#sendDigest(link, this.cache.newest(DIGEST_MAX), { isReply: false, now })
  }

  /** It may have been sent since we came: ages are rounded up. A relay has no time of its own. */
  #isForUs(ageS: number, now: Instant): boolean {
    return this.#hooks.isRelay() || (ageS - 1) * 1_000 <= now - this.#hooks.since()
  }

  /** A relay tells its other neighbours, with the age of each, for it may be before their time. */
  #passOn(entries: readonly DigestEntry[], from: Route): void {
    if (entries.length === 0) return
    for (const { link } of this.#hooks.links())
      if (link !== from.link) this.#tellDigest(link, entries, { isReply: true })
  }

  #sendDigest(
    link: LinkId,
    held: readonly [MessageId, Held][],
    { isReply, now }: { readonly isReply: boolean; readonly now: Instant },
  ): void {
    const entries = held.map(([id, { at }]) => ({ id, ageS: Math.min(255, Math.ceil((now - at) / 1_000)) }))
    this.#tellDigest(link, entries, { isReply })
  }

  #tellDigest(link: LinkId, entries: readonly DigestEntry[], { isReply }: { readonly isReply: boolean }): void {
    this.#counters.digests++
    this.#hooks.send(link, { kind: 'digest', target: this.#config.tree, isReply, entries })
  }
}
