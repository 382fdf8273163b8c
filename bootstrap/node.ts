/**
 * The bootstrap as a pure state machine: for each network one router, the same that runs in every peer, and one pool of
 * introductions. It forwards the first sealed offers of newcomers, names entries, and forgets everything about a
 * visitor that leaves. It stores nothing and joins nothing; started empty it is whole again in seconds. Sockets,
 * handshakes and limits per connection are the shell's (`server.ts`); the simulator drives this very file.
 */

import type { Frame, HeartbeatFrame } from '../src/core/frames.ts'
import type { Geometry } from '../src/core/geometry.ts'
import type { Instant, LinkId, NetworkId, PeerId } from '../src/core/ids.ts'
import type { Input, Io, LinkUp } from '../src/core/io.ts'
import { Router, ROUTER_DEFAULTS, type Route, type RouterCounters } from '../src/core/router.ts'
import { xor } from '../src/core/geometry.ts'
import type { Rate } from '../src/core/budget.ts'
import { Introductions, INTRODUCTIONS, type IntroductionsConfig } from './introductions.ts'

/** A visitor that has proven its id, and what it said in its hello. */
export interface VisitorUp extends LinkUp {
  readonly network: NetworkId
  /** join: a newcomer. visit: a member that looks in by lottery (DESIGN §7). */
  readonly purpose: 'join' | 'visit'
}

/** A subset of the core's inputs; `linkUp` says more than there. */
export type BootstrapInput =
  | Extract<Input, { readonly kind: 'start' | 'stop' | 'linkDown' | 'frame' | 'timer' }>
  | VisitorUp

/** A subset of the core's effects. */
export type BootstrapIo = Pick<Io, 'random' | 'send' | 'closeLink' | 'schedule'>

export interface BootstrapConfig {
  /** The server's own id. No frame is ever addressed to it. */
  readonly self: PeerId
  readonly geometry: Geometry
  readonly introductions: IntroductionsConfig
  /** Networks served at once; visitors of further ones are turned away. */
  readonly networksMax: number
  /** A visitor that has said nothing for so long is closed, in milliseconds. */
  readonly silenceMs: number
  /** What one visitor may have forwarded to others. */
  readonly linkFrames: Rate
  readonly linkBytes: Rate
}

/** Sensible values for everything but the id. */
export const BOOTSTRAP_DEFAULTS: Omit<BootstrapConfig, 'self'> = {
  geometry: xor,
  introductions: INTRODUCTIONS,
  // Guess: with 16 entries each, 256 networks fill 4,096 of 10,000 connections.
  networksMax: 256,
  // Fifteen heartbeats of 2 s; tabs in the background are held to one timer a second.
  silenceMs: 30_000,
  linkFrames: ROUTER_DEFAULTS.linkFrames,
  linkBytes: ROUTER_DEFAULTS.linkBytes,
}

/** Silence and leases are looked at this often at least, in milliseconds: well below half a lease, so none runs out unseen. */
const TICK_MS = 5_000

/**
 * Breadcrumbs of one network: a third of a second's at 25,000 frames/s, and more would cost the garbage collector 1 µs a
 * frame (measured). The n-th network gets 1/n of `PATHS_SHARED` at most, so that 256 of them together stay below 100 MB.
 */
const PATHS_MAX = 16_384
const PATHS_SHARED = 65_536

/** Why a frame went nowhere, beyond what the router counts itself. */
export interface DroppedCounters {
  /** Addressed to the server. */
  toServer: number
  /** A server floods nothing: broadcasts travel over the mesh. */
  broadcasts: number
  /** Kinds that mean nothing to a server. */
  unexpected: number
  /** From or to a link that has just gone. */
  late: number
}

/** Frames by kind. */
export type FrameCounts = Partial<Record<Frame['kind'], number>>

/** Everything worth showing, as one JSON-able snapshot. Counters count since the start. */
export interface BootstrapInspection {
  readonly visitors: number
  readonly networks: { readonly size: number; readonly max: number }
  readonly entries: number
  readonly paths: number
  readonly visits: {
    readonly joins: number
    readonly visits: number
    readonly replaced: number
    readonly refused: number
    readonly silent: number
  }
  readonly framesIn: FrameCounts
  readonly framesOut: FrameCounts
  readonly dropped: DroppedCounters
  /** The sum of all routers' counters, by the names of `RouterCounters`. */
  readonly router: Readonly<Record<string, number>>
}

interface Network {
  readonly id: NetworkId
  readonly router: Router
  readonly introductions: Introductions
  visitors: number
}

interface Visitor {
  readonly network: Network
  readonly route: Route
  /** Ticks since it has said something. */
  silentTicks: number
}

export class BootstrapNode {
  private readonly config: BootstrapConfig
  private readonly io: BootstrapIo
  private readonly visitors = new Map<LinkId, Visitor>()
  private readonly networks = new Map<NetworkId, Network>()
  private readonly visits = { joins: 0, visits: 0, replaced: 0, refused: 0, silent: 0 }
  private readonly framesIn: FrameCounts = {}
  private readonly framesOut: FrameCounts = {}
  private readonly dropped: DroppedCounters = { toServer: 0, broadcasts: 0, unexpected: 0, late: 0 }
  /** What the routers of networks that are gone had counted. */
  private readonly past: Record<string, number> = {}
  private readonly tickMs: number
  private isStopped = false

  constructor(config: BootstrapConfig, io: BootstrapIo) {
    this.config = config
    this.io = io
    this.tickMs = Math.min(TICK_MS, config.silenceMs)
  }

  handle(input: BootstrapInput, now: Instant): void {
    switch (input.kind) {
      case 'start':
        return this.io.schedule({ kind: 'tick' }, this.tickMs)
      case 'stop':
        return this.onStop()
      case 'linkUp':
        return this.onLinkUp(input, now)
      case 'linkDown':
        return this.remove(input.link)
      case 'frame':
        return this.onFrame(input.link, input.frame, now)
      case 'timer':
        return this.onTick(now)
    }
  }

  inspect(): BootstrapInspection {
    const networks = [...this.networks.values()]
    const sum = (count: (network: Network) => number) => networks.reduce((total, network) => total + count(network), 0)
    return {
      visitors: this.visitors.size,
      networks: { size: this.networks.size, max: this.config.networksMax },
      entries: sum((network) => network.introductions.size.size),
      paths: sum((network) => network.router.collections['paths']?.size ?? 0),
      visits: { ...this.visits },
      framesIn: { ...this.framesIn },
      framesOut: { ...this.framesOut },
      dropped: { ...this.dropped },
      router: this.routerCounters(),
    }
  }

  private routerCounters(): Record<string, number> {
    const total = { ...this.past }
    for (const network of this.networks.values()) addCounters(total, network.router.counters)
    return total
  }

  private onStop(): void {
    this.isStopped = true
    for (const link of [...this.visitors.keys()]) this.dismiss(link, 'server stops')
  }

  private onLinkUp(visit: VisitorUp, now: Instant): void {
    this.replaceOlder(visit)
    const network = this.isStopped ? undefined : (this.networks.get(visit.network) ?? this.createNetwork(visit.network))
    if (network === undefined) {
      this.visits.refused++
      this.send(visit.link, { kind: 'goodbye', reason: this.isStopped ? 'server stops' : 'too many networks' })
      return this.io.closeLink(visit.link, 'refused')
    }
    const introduction = network.introductions.arrive(visit, now)
    const { link, peer, role } = visit
    const route = network.router.addLink({ link, peer, role, carries: introduction.leaseMs > 0 }, now)
    this.visitors.set(link, { network, route, silentTicks: 0 })
    network.visitors++
    this.visits[visit.purpose === 'join' ? 'joins' : 'visits']++
    this.send(link, introduction)
  }

  /** The same key again: a page that was reloaded, or a peer whose old socket has died without a word. */
  private replaceOlder(visit: VisitorUp): void {
    const older = this.networks.get(visit.network)?.router.routeTo(visit.peer)
    if (older === undefined) return
    this.visits.replaced++
    this.dismiss(older.link, 'replaced')
  }

  private createNetwork(id: NetworkId): Network | undefined {
    if (this.networks.size >= this.config.networksMax) return undefined
    const pathsMax = Math.min(PATHS_MAX, Math.ceil(PATHS_SHARED / (this.networks.size + 1)))
    const { self, geometry, linkFrames, linkBytes } = this.config
    const router = new Router(
      { self, geometry, isBootstrap: true, pathsMax, linkFrames, linkBytes },
      {
        send: (link, frame) => this.send(link, frame),
        deliver: () => void this.dropped.toServer++,
        answerLookup: () => false,
        // A server asks nothing, so nothing comes back to it.
        replied: () => void this.dropped.unexpected++,
        returned: () => void this.dropped.unexpected++,
        // A socket that has died says so, and whoever asks again asks elsewhere.
        ask: () => false,
        distrusted: () => undefined,
      },
    )
    const introductions = new Introductions(this.config.introductions, () => this.io.random())
    const network: Network = { id, router, introductions, visitors: 0 }
    this.networks.set(id, network)
    return network
  }

  private onFrame(link: LinkId, frame: Frame, now: Instant): void {
    const visitor = this.visitors.get(link)
    if (visitor === undefined) {
      this.dropped.late++
      return
    }
    visitor.silentTicks = 0
    this.framesIn[frame.kind] = (this.framesIn[frame.kind] ?? 0) + 1
    const { router } = visitor.network
    switch (frame.kind) {
      case 'unicast':
        return router.onUnicast(frame, visitor.route, now)
      case 'lookup':
        return router.onLookup(frame, visitor.route, now)
      case 'reply':
        return router.onReply(frame, visitor.route, now)
      case 'nack':
        return router.onNack(frame, visitor.route, now)
      case 'heartbeat':
        return this.onHeartbeat(link, frame)
      case 'goodbye':
        return this.io.closeLink(link, 'goodbye')
      case 'broadcast':
        this.dropped.broadcasts++
        return
      case 'direct':
      case 'keep':
      case 'peers':
      case 'introduction':
      case 'ihave':
      case 'graft':
      case 'prune':
      case 'digest':
      case 'topic':
        this.dropped.unexpected++
        return
    }
  }

  private onHeartbeat(link: LinkId, frame: HeartbeatFrame): void {
    if (!frame.isEcho) this.send(link, { kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: frame.stamp })
  }

  private onTick(now: Instant): void {
    if (this.isStopped) return
    for (const [link, visitor] of this.visitors) {
      // The first tick may come right after a word: only those after it are known to be silence.
      if (visitor.silentTicks++ * this.tickMs < this.config.silenceMs) continue
      this.visits.silent++
      this.dismiss(link, 'silent')
    }
    for (const network of this.networks.values()) this.tickNetwork(network, now)
    this.io.schedule({ kind: 'tick' }, this.tickMs)
  }

  private tickNetwork(network: Network, now: Instant): void {
    network.router.tick(now)
    const { renewed, expired } = network.introductions.tick(now)
    for (const link of expired) {
      network.router.setCarries(link, false)
    }
    for (const link of renewed) {
      const renewal = network.introductions.renewal(link, now)
      if (renewal !== null) this.send(link, renewal)
    }
  }

  /** Our word that it is over, and why. */
  private dismiss(link: LinkId, reason: string): void {
    this.remove(link)
    this.send(link, { kind: 'goodbye', reason })
    this.io.closeLink(link, reason)
  }

  private remove(link: LinkId): void {
    const visitor = this.visitors.get(link)
    if (visitor === undefined) return
    this.visitors.delete(link)
    const { network } = visitor
    network.router.removeLink(link)
    network.introductions.leave(link)
    if (--network.visitors > 0) return
    this.networks.delete(network.id)
    addCounters(this.past, network.router.counters)
  }

  private send(link: LinkId, frame: Frame): void {
    this.framesOut[frame.kind] = (this.framesOut[frame.kind] ?? 0) + 1
    this.io.send(link, frame)
  }
}

function addCounters(total: Record<string, number>, counters: RouterCounters): void {
  for (const [name, count] of Object.entries(counters)) total[name] = (total[name] ?? 0) + count
}
