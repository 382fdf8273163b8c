/** What one peer does about topics: whom it asks, whom it serves, what it refuses, and that it forgets. */

import { describe, expect, it } from 'vitest'
import { type BroadcastFrame, HOP_LIMIT_MAX, type TopicFrame, type TopicRole } from '../../src/core/frames.ts'
import type { Key, LinkId, MessageId, PeerId, RequestId, TopicId } from '../../src/core/ids.ts'
import type { NodeEvent } from '../../src/core/io.ts'
import { createTopics } from '../../src/core/topics.ts'
import { message, peer } from './ids.ts'
import { BYTES, linkUp, Stage, type StageOptions } from './stage.ts'
import { name } from './tree.ts'

/** Close to it are 'a…', then 'b…', 'd…'; far from it are 'z…'. */
const TOPIC = peer('a') as Key as TopicId

/** A node 'm' with links 1, 2, … to these. */
function among(names: readonly string[], options: StageOptions = {}): Stage {
  const stage = new Stage('m', 32, { isAlone: true, ...options }).input({ kind: 'carryTopics', create: createTopics })
  names.forEach((name, i) => stage.input(linkUp(i + 1, peer(name))))
  // Somebody is there who is no neighbour: the mesh is not one of few.
  if (names.length > 0) stage.frame({ kind: 'peers', peers: [peer('yy')], room: 0 })
  return stage
}

const topicFrame = (frame: Partial<TopicFrame> = {}): TopicFrame => ({
  kind: 'topic',
  target: TOPIC,
  role: 'member',
  isNeeded: false,
  isReply: false,
  ...frame,
})

const broadcastFrame = (id: MessageId, target: Key = TOPIC): BroadcastFrame => ({
  kind: 'broadcast',
  hopLimit: HOP_LIMIT_MAX - 1,
  hops: 1,
  id,
  target,
  isDirect: false,
  body: BYTES,
})

/** Everything that was said of topics since the last time, as "link role needed". */
function said(stage: Stage): string[] {
  const lines: string[] = []
  for (const effect of stage.effects.splice(0))
    if (effect.do === 'send' && effect.frame.kind === 'topic') {
      const { role, isNeeded } = effect.frame
      lines.push(`${effect.link} ${role}${isNeeded ? ' needed' : ''}`)
    }
  return lines
}

/** Neighbours have had their time to answer. */
const settle = (stage: Stage): Stage => stage.input({ kind: 'timer', token: { kind: 'topic', topic: TOPIC } }, 300)

/** Time passes, and every neighbour gives signs of life. */
function seconds(stage: Stage, count: number, links: number): void {
  for (let i = 0; i < count; i++) {
    for (let on = 1; on <= links; on++) stage.frame({ kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 0 }, on)
    stage.input({ kind: 'timer', token: { kind: 'tick' } }, 1_000)
  }
}

const numbered = (i: number): TopicId =>
  ('a' + [...String(i)].map((digit) => 'bcdefghijk'[Number(digit)]).join('') + 'a'.repeat(51))
    .slice(0, 52)
    .padEnd(52, 'a') as TopicId

const join = (stage: Stage): Stage => stage.input({ kind: 'joinTopic', topic: TOPIC })
const topicOf = (stage: Stage) => stage.node.trees.topics!.get(TOPIC)

function messages(stage: Stage): Extract<NodeEvent, { kind: 'message' }>[] {
  return stage.events().filter((event) => event.kind === 'message')
}

/** A message to the topic over that link, and its signature is good. */
function hear(stage: Stage, id: MessageId, on: number, source: PeerId, payload = BYTES): void {
  stage.frame(broadcastFrame(id), on)
  stage.input({ kind: 'verified', tree: TOPIC, id, link: on as LinkId, source, signedAt: stage.now, payload })
}

describe('who joins', () => {
  it('tells a neighbour that begins to carry it so before it names what there is', () => {
    const stage = join(among(['b', 'z']))
    stage.input({ kind: 'broadcast', request: 1 as RequestId, topic: TOPIC, payload: BYTES })
    const { id, tree } = stage.last('sign')
    stage.input({ kind: 'signed', tree, id, body: BYTES })
    stage.effects.splice(0)
    stage.frame(topicFrame(), 2)
    const sends = stage.effects.flatMap((effect) =>
      effect.do === 'send' && effect.link === 2 ? [effect.frame.kind] : [],
    )
    expect(sends).toEqual(['topic', 'digest'])
  })

  it('tells all neighbours, and then asks the two that are closest to the topic to carry it', () => {
    const stage = among(['z', 'd', 'b', 'e'])
    join(stage)
    expect(said(stage)).toEqual(['1 member', '2 member', '3 member', '4 member'])
    settle(stage)
    expect(said(stage)).toEqual(['3 member needed', '2 member needed'])
  })

  it('rather asks those who carry it already, if they are closer than itself', () => {
    const stage = among(['z', 'd', 'b', 'e'])
    join(stage)
    stage.frame(topicFrame({ role: 'relay', isReply: true }), 4).frame(topicFrame({ isReply: true }), 1)
    said(stage)
    settle(stage)
    expect(said(stage)).toEqual(['4 member needed', '3 member needed'])
  })

  it('asks nobody if it is the closest itself', () => {
    const stage = among(['z', 'y'])
    join(stage)
    said(stage)
    settle(stage)
    expect(said(stage)).toEqual([])
  })

  it('asks the next one when one refuses, goes, or says nothing to three questions', () => {
    const stage = among(['b', 'c', 'd', 'e', 'f'])
    join(stage)
    settle(stage)
    said(stage)
    stage.frame(topicFrame({ role: 'out', isReply: true }), 1)
    expect(said(stage)).toEqual(['3 member needed'])
    stage.input({ kind: 'linkDown', link: 2 as LinkId, reason: 'closed' })
    expect(said(stage)).toEqual(['4 member needed'])
    stage.frame(topicFrame({ role: 'relay', isReply: true }), 4)
    seconds(stage, 15, 5)
    const lines = said(stage)
    expect(lines.filter((line) => line === '3 member needed')).toHaveLength(2)
    expect(lines).toContain('5 member needed')
  })

  it('tells a new neighbour, and asks it if it is closer and somebody is needed still', () => {
    const stage = among(['z'])
    join(stage)
    settle(stage)
    said(stage)
    stage.input(linkUp(2, peer('b')))
    expect(said(stage)).toEqual(['2 member'])
    settle(stage)
    expect(said(stage)).toEqual(['2 member needed'])
  })

  it('says that it is there, by a message without a payload', () => {
    const stage = among(['b'])
    join(stage)
    stage.frame(topicFrame({ isReply: true }), 1)
    seconds(stage, 1, 1)
    expect(stage.last('sign')).toMatchObject({ tree: TOPIC })
    const { id } = stage.last('sign')
    stage.input({ kind: 'signed', tree: TOPIC, id, body: BYTES })
    expect(stage.effects.some((effect) => effect.do === 'send' && effect.frame.kind === 'broadcast')).toBe(true)
    // Nobody had asked for it, so nobody is told.
    expect(stage.events().filter(({ kind }) => kind === 'requestDone' || kind === 'requestFailed')).toEqual([])
  })
})

describe('who is needed', () => {
  it('relays, asks one neighbour closer than itself, and tells who asked', () => {
    const stage = among(['z', 'd', 'b'])
    stage.frame(topicFrame({ isNeeded: true }), 1)
    expect(topicOf(stage)?.role).toBe('relay')
    expect(said(stage)).toContain('1 relay')
    settle(stage)
    expect(said(stage)).toEqual(['3 relay needed'])
  })

  it('hears messages and does not show them', () => {
    const stage = among(['z', 'b'])
    stage.frame(topicFrame({ isNeeded: true }), 1).frame(topicFrame({ role: 'relay', isReply: true }), 2)
    hear(stage, message('n'), 1, peer('q'))
    expect(stage.effects.some((effect) => effect.do === 'send' && effect.frame.kind === 'broadcast')).toBe(true)
    expect(messages(stage)).toEqual([])
  })

  it('is not bothered with payloads once nobody behind it wants them', () => {
    const stage = among(['z', 'b'])
    stage.frame(topicFrame({ isNeeded: true }), 1).frame(topicFrame({ role: 'relay', isReply: true }), 2)
    hear(stage, message('n'), 1, peer('q'))
    // The other side gets it from somewhere else.
    stage.frame({ kind: 'prune', target: TOPIC }, 2)
    seconds(stage, 3, 2)
    hear(stage, message('o'), 1, peer('q'))
    expect(stage.last('send')).toMatchObject({ link: 1, frame: { kind: 'prune', target: TOPIC } })
  })

  it('passes the word on instead, asks when it is asked, and hands over what comes', () => {
    const stage = among(['z', 'b'])
    stage.frame(topicFrame({ isNeeded: true }), 1).frame(topicFrame({ role: 'relay', isReply: true }), 2)
    const id = message('n')
    const due = (what: 'announce' | 'graft'): void => {
      stage.input({ kind: 'timer', token: { kind: 'tree', tree: TOPIC, due: what } }, 20)
    }
    stage.frame({ kind: 'ihave', target: TOPIC, entries: [{ id, hops: 3 }] }, 1)
    stage.effects.splice(0)
    due('announce')
    expect(stage.last('send')).toMatchObject({ link: 2, frame: { kind: 'ihave', entries: [{ id, hops: 4 }] } })
    // It does not want it itself.
    stage.effects.splice(0)
    stage.input({ kind: 'timer', token: { kind: 'tree', tree: TOPIC, due: 'graft' } }, 3_000)
    expect(stage.count('send')).toBe(0)
    stage.frame({ kind: 'graft', target: TOPIC, isEager: true, ids: [id] }, 2)
    due('graft')
    expect(stage.last('send')).toMatchObject({ link: 1, frame: { kind: 'graft', ids: [id] } })
    stage.effects.splice(0)
    hear(stage, id, 1, peer('q'))
    const given = stage.effects.filter((effect) => effect.do === 'send' && effect.frame.kind === 'broadcast')
    expect(given).toMatchObject([{ link: 2 }])
  })

  it('forgets the topic when nobody needs it any more, and says so', () => {
    const stage = among(['z', 'b'])
    stage.frame(topicFrame({ isNeeded: true }), 1).frame(topicFrame({ role: 'relay', isReply: true }), 2)
    stage.frame(topicFrame({ role: 'out' }), 1)
    said(stage)
    seconds(stage, 12, 2)
    expect(topicOf(stage)).toBeUndefined()
    expect(said(stage)).toContain('2 out')
  })

  it('also when who needed it has gone without a word, or is silent about it for a hundred seconds', () => {
    const stage = among(['z', 'y'])
    stage.frame(topicFrame({ isNeeded: true }), 1)
    stage.input({ kind: 'linkDown', link: 1 as LinkId, reason: 'closed' })
    seconds(stage, 12, 2)
    expect(topicOf(stage)).toBeUndefined()
    stage.frame(topicFrame({ isNeeded: true }), 2)
    seconds(stage, 90, 2)
    expect(topicOf(stage)).toBeDefined()
    seconds(stage, 25, 2)
    expect(topicOf(stage)).toBeUndefined()
  })

  it('does nothing for who only says that it is a member', () => {
    const stage = among(['z'])
    stage.frame(topicFrame(), 1)
    expect(topicOf(stage)).toBeUndefined()
    expect(said(stage)).toEqual([])
  })
})

describe('members', () => {
  it('get what others publish, with its sender and how far it came', () => {
    const stage = join(among(['b']))
    stage.frame(topicFrame({ isReply: true }), 1)
    hear(stage, message('n'), 1, peer('q'))
    expect(messages(stage)).toMatchObject([
      { from: peer('q'), payload: BYTES, delivery: 'broadcast', topic: TOPIC, hops: 1 },
    ])
  })

  it('know who is there by what they say, and do not show the message that says only that', () => {
    const stage = join(among(['b']))
    stage.frame(topicFrame({ isReply: true }), 1)
    hear(stage, message('n'), 1, peer('q'), { byteLength: 0 })
    hear(stage, message('o'), 1, peer('r'))
    expect(topicOf(stage)?.members.ids).toEqual([peer('q'), peer('r')])
    expect(messages(stage)).toHaveLength(1)
  })

  it('forget who has been silent for three intervals, and at once a neighbour who leaves', () => {
    const stage = join(among(['b']))
    stage.frame(topicFrame({ isReply: true }), 1)
    hear(stage, message('n'), 1, peer('q'))
    hear(stage, message('o'), 1, peer('b'))
    stage.frame(topicFrame({ role: 'out' }), 1)
    expect(topicOf(stage)?.members.ids).toEqual([peer('q')])
    seconds(stage, 89, 1)
    expect(topicOf(stage)?.members.ids).toEqual([peer('q')])
    seconds(stage, 2, 1)
    expect(topicOf(stage)?.members.ids).toEqual([])
  })

  it('who leaves hears nothing more, and stays a relay while somebody needs it', () => {
    const stage = join(among(['z', 'b']))
    stage.frame(topicFrame({ isNeeded: true }), 1).frame(topicFrame({ role: 'relay', isReply: true }), 2)
    said(stage)
    stage.input({ kind: 'leaveTopic', topic: TOPIC })
    expect(said(stage)).toEqual(['1 relay', '2 relay'])
    hear(stage, message('n'), 2, peer('q'))
    expect(messages(stage)).toEqual([])
    seconds(stage, 20, 2)
    expect(topicOf(stage)?.role).toBe('relay')
    stage.frame(topicFrame({ role: 'out' }), 1)
    seconds(stage, 12, 2)
    expect(topicOf(stage)).toBeUndefined()
  })

  it('who leaves what it relays too much of already is told that its last message is out, and brings it to who has not got it', () => {
    const links = [1, 2, 3, 4, 5, 6, 7]
    const stage = among(['z', 'y', 'x', 'w', 'v', 'u', 't'])
    for (let i = 0; i < 64; i++) stage.frame(topicFrame({ target: numbered(i), isNeeded: true }), 1)
    join(stage)
    for (const on of links) stage.frame(topicFrame({ isNeeded: true }), on)
    stage.input({ kind: 'broadcast', request: 5 as RequestId, topic: TOPIC, payload: BYTES })
    stage.input({ kind: 'signed', tree: TOPIC, id: stage.last('sign').id, body: BYTES })
    const isDone = (): boolean => stage.events().some((event) => event.kind === 'requestDone' && event.request === 5)
    const given = (): number[] =>
      stage.effects.flatMap((effect) =>
        effect.do === 'send' && effect.frame.kind === 'broadcast' ? [effect.link as number] : [],
      )
    expect([isDone(), given().length]).toEqual([false, 4])
    stage.input({ kind: 'leaveTopic', topic: TOPIC })
    expect(given().toSorted((a, b) => a - b)).toEqual(links)
    expect(topicOf(stage)).toBeUndefined()
    expect(isDone()).toBe(true)
  })

  it('who has left, was forgotten and joins again does not hear anything twice', () => {
    const stage = join(among(['b']))
    const carry = (): Stage => stage.frame(topicFrame({ isReply: true }), 1)
    carry()
    hear(stage, message('n'), 1, peer('q'))
    stage.input({ kind: 'leaveTopic', topic: TOPIC })
    seconds(stage, 12, 1)
    expect(topicOf(stage)).toBeUndefined()
    join(stage)
    carry()
    hear(stage, message('n'), 1, peer('q'))
    hear(stage, message('o'), 1, peer('q'))
    expect(messages(stage)).toHaveLength(2)
  })

  it('nobody can use up the id of another one, not in another topic either', () => {
    const stage = join(among(['b']))
    const other = peer('c') as Key as TopicId
    stage.input({ kind: 'joinTopic', topic: other })
    for (const target of [TOPIC, other]) stage.frame(topicFrame({ target, isReply: true }), 1)
    const [id, link] = [message('n'), 1 as LinkId]
    stage.frame(broadcastFrame(id, other))
    stage.input({ kind: 'verified', tree: other, id, link, source: peer('e'), signedAt: stage.now, payload: BYTES })
    hear(stage, id, 1, peer('q'))
    expect(messages(stage)).toMatchObject([{ from: peer('e') }, { from: peer('q') }])
  })

  it('who has left cannot publish', () => {
    const stage = join(among(['b']))
    stage.input({ kind: 'broadcast', request: 7 as RequestId, topic: TOPIC, payload: BYTES })
    stage.input({ kind: 'leaveTopic', topic: TOPIC })
    stage.input({ kind: 'signed', tree: TOPIC, id: stage.last('sign').id, body: BYTES })
    expect(stage.events().at(-1)).toMatchObject({ kind: 'requestFailed', request: 7, code: 'closed' })
  })
})

describe('bounds of topics', () => {
  it('one neighbour may have us relay 64, all together 256; what is above is refused and counted', () => {
    const stage = among(['v', 'w', 'x', 'y', 'z'])
    const ask = (on: number, from: number, count: number): void => {
      for (let i = from; i < from + count; i++) stage.frame(topicFrame({ target: numbered(i), isNeeded: true }), on)
    }
    ask(1, 0, 100)
    const topics = stage.node.trees.topics!
    expect(topics.collections['topics']).toMatchObject({ size: 64 })
    expect(topics.counters.refused).toBe(36)
    expect(stage.last('send')).toMatchObject({ link: 1, frame: { kind: 'topic', role: 'out', isReply: true } })
    // Who needs them no more has still had us begin them.
    for (let i = 0; i < 64; i++) stage.frame(topicFrame({ target: numbered(i), isNeeded: false }), 1)
    ask(1, 500, 64)
    expect(topics.get(numbered(500))).toBeUndefined()
    for (let on = 2; on <= 5; on++) ask(on, on * 1_000, 100)
    expect(topics.collections['topics']).toMatchObject({ size: 256 })
    // What it carries already costs it nothing more.
    ask(5, 0, 10)
    expect(topics.get(numbered(0))?.isNeededBy(5 as LinkId)).toBe(true)
  })

  it('ids of what was delivered are remembered for two minutes, 16,384 of all topics', () => {
    const stage = join(among(['b', 'c']))
    const delivered = () => stage.node.trees.topics!.collections['topicsDelivered']
    for (let i = 0; i < 100; i++) {
      for (const on of [1, 2]) stage.frame(topicFrame({ isReply: true }), on)
      // No more than a source and a link may have us carry.
      for (let k = 0; k < 200; k++) hear(stage, name(200 * i + k), 1 + (k % 2), peer('q'))
      seconds(stage, 1, 2)
    }
    expect(messages(stage)).toHaveLength(20_000)
    expect(delivered()).toMatchObject({ max: 16_384 })
    expect(delivered()!.size).toBeLessThanOrEqual(16_384)
    expect(delivered()!.size).toBeGreaterThan(8_000)
    seconds(stage, 250, 2)
    expect(delivered()).toMatchObject({ size: 0 })
  })

  it('we are in 64 at most', () => {
    const stage = among(['z'])
    for (let i = 0; i < 100; i++) stage.input({ kind: 'joinTopic', topic: numbered(i) })
    expect(stage.node.trees.topics!.collections['topics']).toMatchObject({ size: 64 })
  })

  it('topics that we leave count among those that we relay: for one neighbour 64, and 256 in all', () => {
    const stage = among(['z', 'y', 'x', 'w', 'v', 'u'])
    const topics = stage.node.trees.topics!
    const passThrough = (i: number, needing: number | null): void => {
      stage.input({ kind: 'joinTopic', topic: numbered(i) })
      if (needing !== null) stage.frame(topicFrame({ target: numbered(i), isNeeded: true }), needing)
      stage.input({ kind: 'leaveTopic', topic: numbered(i) })
    }
    for (let i = 0; i < 100; i++) passThrough(i, 1)
    expect(topics.collections['topics']!.size).toBe(64)
    expect(topics.get(numbered(0))?.isNeededBy(1 as LinkId)).toBe(true)
    for (let i = 100; i < 400; i++) passThrough(i, 2 + (i % 5))
    expect(topics.collections['topics']!.size).toBe(256)
    for (let i = 400; i < 500; i++) passThrough(i, null)
    expect(topics.collections['topics']!.size).toBe(256)
  })

  it('of a topic that we only relay less is kept than of one that we are in', () => {
    const kept = (stage: Stage, source: string): number => {
      for (let i = 0; i < 200; i++)
        hear(stage, message(`n${'bcdefghijk'[i % 10]}${'bcdefghijklmnopqrstuv'[Math.floor(i / 10)]}`), 1, peer(source))
      return topicOf(stage)!.collections['broadcastCache']!.size
    }
    const relay = among(['z', 'y'])
    relay.frame(topicFrame({ isNeeded: true }), 1)
    const member = join(among(['z', 'y'])).frame(topicFrame(), 1)
    expect([kept(relay, 'q'), kept(member, 'q')]).toEqual([128, 200])
  })

  it('members are remembered up to 256, and everything else stays within its bound', () => {
    const stage = join(among(['b', 'c']))
    for (const on of [1, 2]) stage.frame(topicFrame({ isReply: true }), on)
    for (let i = 0; i < 2_000; i++) {
      const id = `m${numbered(i).slice(1, 26)}` as MessageId
      hear(stage, id, 1 + (i % 2), numbered(i) as Key as PeerId)
      if (i % 100 === 0) seconds(stage, 1, 2)
    }
    const { collections } = stage.node.trees
    expect(collections['topic.members']).toEqual({ size: 256, max: 256 })
    for (const [what, { size, max }] of Object.entries(collections)) expect(size, what).toBeLessThanOrEqual(max)
  })

  it('frames of topics that we do not carry with that neighbour go nowhere and are counted', () => {
    const stage = among(['b', 'z'])
    stage.frame(broadcastFrame(message('n')), 1)
    join(stage)
    stage.frame(topicFrame({ isReply: true }), 1)
    stage.frame(broadcastFrame(message('n')), 2)
    stage.frame({ kind: 'prune', target: TOPIC }, 2)
    stage.frame({ kind: 'prune', target: peer('q') as Key }, 1)
    expect(stage.node.counters.strayFrames).toBe(4)
    expect(stage.count('job')).toBe(0)
  })

  it('a visitor of ours has nothing to say about topics', () => {
    const stage = among([])
    stage.input({ ...linkUp(1, peer('b')), role: 'visitor' })
    stage.frame(topicFrame({ isNeeded: true }), 1)
    expect(topicOf(stage)).toBeUndefined()
    expect(stage.node.counters.strayFrames).toBe(1)
  })
})

it.each(['relay', 'member'] as const satisfies readonly TopicRole[])('a %s is one in the snapshot', (role) => {
  const stage = among(['z'])
  if (role === 'member') join(stage)
  stage.frame(topicFrame({ isNeeded: true }), 1)
  expect(stage.node.inspect().topics).toEqual([{ id: TOPIC, role, members: [], links: 1 }])
})

it('where everybody is a neighbour nobody need relay', () => {
  const stage = new Stage('m', 32, { isAlone: true }).input({ kind: 'carryTopics', create: createTopics })
  for (const [i, name] of ['b', 'c', 'z'].entries()) stage.input(linkUp(i + 1, peer(name)))
  join(stage)
  said(stage)
  settle(stage)
  seconds(stage, 3, 3)
  expect(said(stage)).toEqual([])
})

it('before topics can be carried nothing of them is heard, and who asks again afterwards is served', () => {
  const stage = new Stage('m', 32, { isAlone: true })
  stage.input(linkUp(1, peer('z')))
  stage.frame(topicFrame({ isNeeded: true }), 1)
  expect(said(stage)).toEqual([])
  expect(stage.node.inspect().topics).toEqual([])
  stage.input({ kind: 'carryTopics', create: createTopics })
  stage.frame(topicFrame({ isNeeded: true }), 1)
  expect(said(stage)).toContain('1 relay')
})
