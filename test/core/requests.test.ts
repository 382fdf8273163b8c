import { beforeEach, describe, expect, it } from 'vitest'
import type { Body, Message } from '../../src/core/frames.ts'
import type { MessageId } from '../../src/core/ids.ts'
import type { FailureCode, OpenJob, SealJob, TimerToken } from '../../src/core/io.ts'
import { type Asked, type Outcome, Requests, type RequestsConfig } from '../../src/core/requests.ts'
import { at, message, peer } from './ids.ts'
import { type Bench, bench, connect, cut, settle } from './lab.ts'

/** A seal that can be looked into: whose job it was, and whether it will open. */
interface ModelBody extends Body {
  readonly job: SealJob
  readonly source: Bench
}

interface Person {
  readonly bench: Bench
  readonly requests: Requests
  readonly timers: { readonly token: TimerToken; readonly delayMs: number }[]
  readonly asked: { readonly message: Message; readonly asked: Asked }[]
  readonly seals: SealJob[]
  /** Direct link, if it counts as secure. */
  secure: ReturnType<typeof connect>['a'] | null
  /** How it answers. */
  reply: Message | null
  /** Refuses to open, as if the session were lost. */
  forgetsSession: boolean
  /** Seals as bytes; else as an object, the same one for all of an id. */
  body: ((job: SealJob) => ModelBody) | null
}

/** What a target without our session answers. */
const LOST: Body = { byteLength: 1 }

let names = 0
let now = 0

function person(id: string, config: Partial<RequestsConfig> = {}): Person {
  const timers: Person['timers'] = []
  const asked: Person['asked'] = []
  const seals: SealJob[] = []
  const node = bench(id)
  const self: Omit<Person, 'requests'> = {
    bench: node,
    timers,
    asked,
    seals,
    secure: null,
    reply: { kind: 'ack' },
    forgetsSession: false,
    body: null,
  }
  const open = (job: OpenJob): void => {
    if (job.body === LOST) return requests.onOpenRefused(job, 'session', null)
    const body = job.body as ModelBody
    if (job.as === 'request' && self.forgetsSession && !body.job.isFresh)
      return requests.onOpenRefused(job, 'session', LOST)
    requests.onOpened(job, body.source.id, body.job.message, at(now))
  }
  const seal = (job: SealJob): void => {
    seals.push(job)
    requests.onSealed(job, self.body?.(job) ?? ({ byteLength: 100, job, source: node } as ModelBody), at(now))
  }
  const requests: Requests = new Requests(
    { self: node.id, requestsMax: 8, attemptMs: 1_000, inboxMax: 100, ...config },
    node.router,
    {
      send: (link, frame) => {
        node.sent.push({ link, frame })
        const end = node.links.get(link)
        const other = end && people.get(end.bench)
        if (frame.kind === 'direct' && other !== undefined)
          other.requests.onDirect(frame, end!.bench.router.route(end!.remote)!, at(now))
      },
      seal,
      open,
      ask: () => undefined,
      schedule: (token, delayMs) => void timers.push({ token, delayMs }),
      randomId: () =>
        message(
          `n${'abcdefghijklmnopqrstuvwxyz'[Math.floor(names / 26)]}${'abcdefghijklmnopqrstuvwxyz'[names++ % 26]}`,
        ) as MessageId,
      secureLink: (target) => (self.secure !== null && self.secure.peer === target ? self.secure.link : null),
      asked: (what, how) => {
        asked.push({ message: what, asked: how })
        if (self.reply !== null) requests.respond(how, self.reply)
      },
      offered: (what, how) => void asked.push({ message: what, asked: how }),
    },
  )
  const result = Object.assign(self, { requests })
  people.set(node, result)
  // The lab's routers hand deliveries and replies to arrays; here the requests are behind them.
  node.delivered.push = (frame) => (
    requests.onDelivered(frame, node.router.route([...node.links.keys()][0]!)!, at(now)),
    0
  )
  node.replies.push = (frame) => (requests.onReplied(frame, node.router.route([...node.links.keys()][0]!)!), 0)
  node.returned.push = ({ frame }) => (frame.kind === 'unicast' && requests.onReturned(frame, at(now)), 0)
  return result
}

const people = new Map<Bench, Person>()
beforeEach(() => {
  people.clear()
  names = now = 0
})

interface Ended {
  readonly replies: { readonly message: Message; readonly outcome: Outcome }[]
  readonly failures: FailureCode[]
}

function ask(
  from: Person,
  to: Person | string,
  what: Message = { kind: 'data', payload: new Uint8Array(3) },
): Ended & { readonly id: MessageId | null } {
  const replies: Ended['replies'] = []
  const failures: FailureCode[] = []
  const id = from.requests.start(
    {
      target: typeof to === 'string' ? peer(to) : to.bench.id,
      message: what,
      timeoutMs: 10_000,
      via: null,
      onReply: (reply, outcome) => void replies.push({ message: reply, outcome }),
      onFailure: (code) => void failures.push(code),
    },
    at(now),
  )
  settle()
  return { replies, failures, id }
}

/** The timer of the running attempt goes off. */
function attemptTimer(of: Person): void {
  const last = of.timers.filter(({ token }) => token.kind === 'attempt').at(-1)!.token
  if (last.kind === 'attempt') of.requests.onAttemptTimer(last.id, last.attempt, at((now += 1_000)))
  settle()
}

const line = (ids: readonly string[]): Person[] => {
  const persons = ids.map((id) => person(id))
  persons.slice(1).forEach((next, i) => connect(persons[i]!.bench, next.bench))
  return persons
}

/** Two with a secure link, one of whom does not answer by himself, and a relay between them. */
function detour() {
  const [ada, relay, bob] = [person('b'), person('e'), person('g')]
  const ends = connect(ada.bench, bob.bench)
  connect(ada.bench, relay.bench)
  connect(relay.bench, bob.bench)
  ada.secure = ends.a
  bob.reply = null
  return { ada, relay, bob, ends }
}

describe('a request', () => {
  it('is acknowledged end to end, with the hops it took', () => {
    const [ada, , bob] = line(['b', 'e', 'g'])
    const { replies } = ask(ada!, bob!)
    expect(replies.map(({ message: { kind } }) => kind)).toEqual(['ack'])
    expect(replies[0]!.outcome).toMatchObject({ path: 'routed', attempts: 1, arrival: { hops: 2 } })
    expect(bob!.asked).toHaveLength(1)
  })

  it('tells both ends the hops of the way it took, without the dead ends before', () => {
    const [ada, relay, , bob] = line(['a', 'd', 'f', 'ga'])
    const [dead] = line(['gd', 'gc', 'gb'])
    connect(relay!.bench, dead!.bench)
    const { replies } = ask(ada!, bob!)
    expect(dead!.bench.router.counters.deadEnds).toBe(1)
    expect(replies[0]!.outcome).toMatchObject({ attempts: 1, arrival: { hops: 3 } })
    expect(bob!.asked[0]!.asked.arrival.hops).toBe(3)
  })

  it('goes out again through another first hop when nobody answers, and is acted on once', () => {
    const [ada, dropper, relay, bob] = ['b', 'gz', 'e', 'g'].map((id) => person(id)) as [Person, Person, Person, Person]
    connect(ada.bench, dropper.bench)
    connect(ada.bench, relay.bench)
    connect(relay.bench, bob.bench)
    connect(dropper.bench, bob.bench)
    dropper.bench.swallow = () => true
    const { replies } = ask(ada, bob)
    expect(replies).toEqual([])
    attemptTimer(ada)
    expect(replies[0]!.outcome).toMatchObject({ attempts: 2, ms: 1_000 })
    expect(bob.asked).toHaveLength(1)
  })

  it('goes out again first through who names its target', () => {
    const [ada, closest, closer, far, bob] = ['b', 'gz', 'gy', 'e', 'g'].map((id) => person(id)) as Person[]
    for (const { bench } of [closest!, closer!]) Object.assign(bench, { swallow: () => true })
    for (const { bench } of [closest!, closer!, far!])
      connect(ada!.bench, bench).a.peers = bench === far!.bench ? [bob!.bench.id] : null
    connect(far!.bench, bob!.bench)
    const { replies } = ask(ada!, bob!)
    attemptTimer(ada!)
    expect(replies[0]!.outcome).toMatchObject({ attempts: 2 })
  })

  it('whose acknowledgement was lost is not acted on twice, and is acknowledged again', () => {
    const [ada, relay, bob] = line(['b', 'e', 'g'])
    relay!.bench.swallow = (frame) => frame.kind === 'reply'
    const { replies } = ask(ada!, bob!)
    relay!.bench.swallow = () => false
    attemptTimer(ada!)
    // The only first hop has been tried: a pause, then the next round.
    attemptTimer(ada!)
    expect(replies).toHaveLength(1)
    expect(bob!.asked).toHaveLength(1)
    expect(bob!.requests.counters.retransmissions).toBe(1)
  })

  it('moves to the next first hop at once when the first one gives it back', () => {
    const [ada, deadEnd, relay, bob] = ['b', 'gz', 'e', 'g'].map((id) => person(id)) as [Person, Person, Person, Person]
    connect(ada.bench, deadEnd.bench)
    connect(ada.bench, relay.bench)
    connect(relay.bench, bob.bench)
    expect(ask(ada, bob).replies).toHaveLength(1)
    expect(deadEnd.bench.router.counters.deadEnds).toBe(1)
  })

  it('fails as unreachable when every way is closed until its time is up', () => {
    const [ada] = line(['b', 'e'])
    const { failures, id } = ask(ada!, 'g')
    for (let i = 0; i < 4; i++) attemptTimer(ada!)
    expect(failures).toEqual([])
    ada!.requests.onRequestTimer(id!, at((now = 10_000)))
    expect(failures).toEqual(['unreachable'])
  })

  it('fails as timed out when somebody took it and nobody answers', () => {
    const [ada, relay, bob] = line(['b', 'e', 'g'])
    relay!.bench.swallow = () => true
    const { failures, id } = ask(ada!, bob!)
    ada!.requests.onRequestTimer(id!, at((now = 10_000)))
    expect(failures).toEqual(['timeout'])
  })

  it('asks for its timer at the last tick before its time is up, and ends to the millisecond', () => {
    const [ada, relay, bob] = line(['b', 'e', 'g'])
    relay!.bench.swallow = () => true
    const { failures, id } = ask(ada!, bob!)
    const timers = () => ada!.timers.filter(({ token }) => token.kind === 'request')
    for (now = 400; now < 8_500; now += 1_000) ada!.requests.tick(at(now))
    expect(timers()).toEqual([])
    for (; now < 10_000; now += 1_000) ada!.requests.tick(at(now))
    expect(timers()).toEqual([{ token: { kind: 'request', id }, delayMs: 600 }])
    ada!.requests.onRequestTimer(id!, at(9_999))
    expect(failures).toEqual([])
    ada!.requests.onRequestTimer(id!, at(10_000))
    expect(failures).toEqual(['timeout'])
  })

  it('that was cancelled calls nobody back', () => {
    const [ada, , bob] = line(['b', 'e', 'g'])
    bob!.reply = null
    const ended = ask(ada!, bob!)
    ada!.requests.cancel(ended.id!)
    bob!.requests.respond(bob!.asked[0]!.asked, { kind: 'ack' })
    settle()
    expect(ended).toMatchObject({ replies: [], failures: [] })
  })

  it('is refused when too many are under way', () => {
    const [ada, relay] = line(['b', 'e'])
    relay!.bench.swallow = () => true
    const ids = Array.from({ length: 9 }, () => ask(ada!, 'g').id)
    expect(ids.filter((id) => id !== null)).toHaveLength(8)
    expect(ids.at(-1)).toBeNull()
    const { size, max } = ada!.requests.collections['requests']!
    expect(size).toBe(max)
  })

  it('is sealed anew when the target has lost the session and says so, once', () => {
    const [ada, , bob] = line(['b', 'e', 'g'])
    bob!.forgetsSession = true
    const { replies, id } = ask(ada!, bob!)
    expect(replies).toHaveLength(1)
    expect(ada!.seals.map(({ isFresh }) => isFresh)).toEqual([false, true])
    expect(bob!.asked).toHaveLength(1)
    const lie = {
      kind: 'open',
      as: 'reply',
      id,
      attempt: 0,
      link: 1,
      from: bob!.bench.id,
      body: LOST,
      hops: 2,
      viaBootstrap: false,
    } as never
    ada!.requests.onOpenRefused(lie, 'session', null)
    expect(ada!.seals).toHaveLength(2)
  })

  it('keeps its inbox within bounds, whoever writes', () => {
    const [ada, , bob] = line(['b', 'e', 'g'])
    for (let i = 0; i < 400; i++) ask(ada!, bob!)
    const { size, max } = bob!.requests.collections['inbox']!
    expect(size).toBeLessThanOrEqual(max)
    expect(bob!.asked).toHaveLength(400)
  })
})

describe('between neighbours', () => {
  const pair = () => {
    const [ada, bob] = [person('b'), person('g')]
    const ends = connect(ada.bench, bob.bench)
    ada.secure = ends.a
    bob.secure = ends.b
    return { ada, bob, ends }
  }

  it('nothing is sealed on a secure link', () => {
    const { ada, bob } = pair()
    const { replies } = ask(ada, bob)
    expect(replies[0]!.outcome).toMatchObject({ path: 'direct', attempts: 1, arrival: { hops: 1 } })
    expect(ada.seals).toEqual([])
  })

  it('what the other one does not answer has timed out, for it was reached', () => {
    const { ada, bob } = pair()
    bob.reply = null
    const { failures, id } = ask(ada, bob)
    ada.requests.onRequestTimer(id!, at((now += 10_000)))
    expect(failures).toEqual(['timeout'])
  })

  it('everything is sealed on any other', () => {
    const { ada, bob } = pair()
    ada.secure = bob.secure = null
    expect(ask(ada, bob).replies[0]!.outcome.path).toBe('routed')
    expect(ada.seals).toHaveLength(1)
  })

  it('a request whose link breaks before the answer goes round by another way and is acted on once', () => {
    const { ada, bob, ends } = pair()
    const relay = person('e')
    connect(ada.bench, relay.bench)
    connect(relay.bench, bob.bench)
    bob.reply = null
    const { replies } = ask(ada, bob)
    expect(bob.asked).toHaveLength(1)
    // The answer is on its way when the link breaks: it is lost.
    cut(ada.bench, ends.a)
    bob.requests.respond(bob.asked[0]!.asked, { kind: 'ack' })
    ada.secure = bob.secure = null
    ada.requests.onLinkDown(ends.a.link)
    settle()
    if (replies.length === 0) attemptTimer(ada)
    expect(replies).toHaveLength(1)
    expect(bob.asked).toHaveLength(1)
  })
})

it('what came over the link itself is not acted on again because somebody sends rubbish under its id', () => {
  const [ada, bob] = [person('b'), person('g')]
  const ends = connect(ada.bench, bob.bench)
  ada.secure = ends.a
  const { id } = ask(ada, bob)
  bob.forgetsSession = true
  const rubbish = { ...ada.bench.sent[0]!.frame, kind: 'unicast', id, attempt: 1, hops: 1, hopLimit: 9 }
  bob.requests.onDelivered({ ...rubbish, target: bob.bench.id, body: LOST } as never, ends.b, at(now))
  bob.requests.onDirect(ada.bench.sent[0]!.frame as never, ends.b, at(now))
  expect(bob.asked).toHaveLength(1)
})

it('a relay that gives the target a message of its own under the same id keeps nobody from being heard', () => {
  const [ada, relay, bob] = line(['b', 'e', 'g'])
  const end = bob!.bench.router.routeTo(relay!.bench.id)!
  relay!.bench.swallow = (frame) => {
    if (frame.kind === 'unicast')
      bob!.requests.onDirect({ kind: 'direct', id: frame.id, isReply: false, message: { kind: 'ack' } }, end, at(now))
    return false
  }
  const { replies } = ask(ada!, bob!)
  expect(replies).toHaveLength(1)
  expect(bob!.asked.map(({ asked }) => asked.source)).toEqual([relay!.bench.id, ada!.bench.id])
})

it('what is sealed anew because a relay says that the session is lost is not acted on again', () => {
  const [ada, , bob] = line(['b', 'e', 'g'])
  const bytes = (end: number) => (job: SealJob) =>
    Object.assign(Uint8Array.of(1, 2, end), { job, source: ada!.bench }) as ModelBody
  bob!.reply = null
  ada!.body = bytes(1)
  const { id } = ask(ada!, bob!)
  ada!.body = bytes(2)
  ada!.requests.onOpenRefused({ as: 'reply', id, attempt: 0 } as never, 'session', null)
  settle()
  expect(ada!.seals).toHaveLength(2)
  expect(bob!.asked).toHaveLength(1)
  expect(bob!.requests.counters.retransmissions).toBe(1)
})

it('what is answered once the link is gone goes by the way that it was asked by since', () => {
  const { ada, relay, bob, ends } = detour()
  const { replies } = ask(ada, bob)
  cut(ada.bench, ends.a)
  ada.secure = null
  ada.requests.onLinkDown(ends.a.link)
  settle()
  if (bob.requests.counters.retransmissions === 0 && relay.bench.sent.length === 0) attemptTimer(ada)
  expect(replies).toEqual([])
  bob.requests.respond(bob.asked[0]!.asked, { kind: 'ack' })
  settle()
  expect(replies).toHaveLength(1)
  expect(bob.asked).toHaveLength(1)
})

it('one that rings for longer than all its attempts take is waited for until its time is up', () => {
  const [ada, , bob] = line(['b', 'e', 'g'])
  bob!.reply = null
  const { replies, failures, id } = ask(ada!, bob!)
  for (let i = 0; i < 40; i++) attemptTimer(ada!)
  expect(ada!.requests.counters.retries).toBe(15)
  expect(failures).toEqual([])
  bob!.requests.respond(bob!.asked[0]!.asked, { kind: 'ack' })
  settle()
  expect(replies).toHaveLength(1)
  const other = ask(ada!, bob!)
  for (let i = 0; i < 40; i++) attemptTimer(ada!)
  ada!.requests.onRequestTimer(other.id!, at((now += 10_000)))
  expect(other.failures).toEqual(['timeout'])
  expect(id).not.toBe(other.id)
})

it('a relay that seals a request of its own under the id of one that it drops keeps nobody from being heard', () => {
  const [ada, liar, relay, bob] = ['b', 'gz', 'e', 'g'].map((id) => person(id)) as [Person, Person, Person, Person]
  connect(ada.bench, liar.bench)
  connect(ada.bench, relay.bench)
  connect(relay.bench, bob.bench)
  connect(liar.bench, bob.bench)
  liar.bench.swallow = (frame) => {
    if (frame.kind !== 'unicast') return true
    const { id, target } = frame
    const job = { as: 'request', id, message: { kind: 'ack' }, isFresh: false }
    const body = Object.assign(Uint8Array.of(9), { job, source: liar.bench })
    liar.bench.router.originate({ ...frame, hops: 0, target, body }, null, at(now))
    return true
  }
  const { replies } = ask(ada, bob)
  expect(replies).toEqual([])
  attemptTimer(ada)
  expect(replies).toHaveLength(1)
  expect(bob.asked.map(({ asked }) => asked.source)).toEqual([liar.bench.id, ada.bench.id])
})

describe('an offer', () => {
  const offer: Message = {
    kind: 'offer',
    exchange: message('x') as never,
    purpose: 'call',
    slot: 'random',
    description: new Uint8Array(9),
    metadata: new Uint8Array(0),
  }

  it('may be answered more than once: an answer, then candidates', () => {
    const [ada, , bob] = line(['b', 'e', 'g'])
    bob!.reply = null
    const { replies } = ask(ada!, bob!, offer)
    const { asked } = bob!.asked[0]!
    bob!.requests.respond(asked, { kind: 'answer', exchange: message('x') as never, description: new Uint8Array(5) })
    bob!.requests.respond(asked, { kind: 'signal', exchange: message('x') as never, signal: new Uint8Array(5) })
    settle()
    expect(replies.map(({ message: { kind } }) => kind)).toEqual(['answer', 'signal'])
  })

  it('gets all of its answers again by another way when the link that they went over broke', () => {
    const { ada, bob, ends } = detour()
    const { replies } = ask(ada, bob, offer)
    cut(ada.bench, ends.a)
    const { asked } = bob.asked[0]!
    bob.requests.respond(asked, { kind: 'answer', exchange: message('x') as never, description: new Uint8Array(5) })
    bob.requests.respond(asked, { kind: 'signal', exchange: message('x') as never, signal: new Uint8Array(5) })
    expect(replies).toEqual([])
    ada.secure = null
    ada.requests.onLinkDown(ends.a.link)
    settle()
    expect(replies.map(({ message: { kind } }) => kind)).toEqual(['answer', 'signal'])
    expect(bob.asked).toHaveLength(1)
  })

  it('is forgotten when its time is up, without a failure', () => {
    const [ada, , bob] = line(['b', 'e', 'g'])
    bob!.reply = { kind: 'answer', exchange: message('x') as never, description: new Uint8Array(5) }
    const { failures, id } = ask(ada!, bob!, offer)
    ada!.requests.onRequestTimer(id!, at((now += 20_000)))
    expect(failures).toEqual([])
    expect(ada!.requests.collections['requests']!.size).toBe(0)
  })
})
