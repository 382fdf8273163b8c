/** Peers of before a restart: asked for first, a few times, then never again. */

import { describe, expect, it } from 'vitest'
import type { ExchangeId, PeerId } from '../../src/core/ids.ts'
import { peer } from './ids.ts'
import { BYTES, linkUp, RELAY, Stage } from './stage.ts'

const [FIRST, SECOND] = [peer('q'), peer('s')]
const restarted = (anchors: readonly PeerId[] = [FIRST, SECOND], linksMax = 16): Stage =>
  new Stage('b', linksMax, { anchors, isAlone: true })

/** Whom it has offered a link, in order. */
const offered = (stage: Stage): PeerId[] =>
  stage.node.signaling.links.filter(({ isOfferer }) => isOfferer).map(({ remote }) => remote)

/** A second goes by in which every neighbour is heard of. */
function second(stage: Stage, count = 1): void {
  for (let i = 0; i < count; i++) {
    stage.input({ kind: 'timer', token: { kind: 'tick' } }, 1_000)
    for (const { link } of stage.node.neighbors.all())
      stage.input({ kind: 'frame', link, frame: { kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 0 } }, 0)
  }
}

/** All offers of this moment come to nothing. */
function fail(stage: Stage): void {
  for (const { id } of [...stage.node.signaling.links])
    stage.input({ kind: 'exchangeFailed', exchange: id, reason: 'nobody there' })
}

describe('anchors', () => {
  it('are offered links at the first link, before anybody of whom that link speaks', () => {
    const stage = restarted()
    second(stage)
    expect(offered(stage)).toEqual([])
    stage.input({ ...linkUp(1, RELAY), isSecure: false })
    expect(offered(stage)).toEqual([FIRST, SECOND])
    stage.frame({ kind: 'peers', peers: [peer('c')], room: 0xffff_ffff })
    stage.input({ kind: 'timer', token: { kind: 'maintain' } }, 300)
    expect(offered(stage)).toEqual([FIRST, SECOND, peer('c')])
  })

  it('go by the mesh itself, and claim a place for a bucket', () => {
    const stage = restarted()
    stage.input({ ...linkUp(1, RELAY), isSecure: false })
    expect(stage.node.signaling.links.map(({ slot }) => slot)).toEqual(['bucket', 'bucket'])
    stage.input({ kind: 'described', exchange: stage.node.signaling.links[0]!.id, description: BYTES })
    stage.input({ kind: 'sealed', job: stage.sealed(), body: BYTES })
    expect(stage.last('send')).toMatchObject({ link: 1, frame: { kind: 'unicast', target: FIRST } })
  })

  it('that do not answer are asked three times, then never again', () => {
    const stage = restarted([FIRST])
    stage.input({ ...linkUp(1, RELAY), isSecure: false })
    const at: number[] = []
    for (let seconds = 0; seconds < 300; seconds++) {
      if (offered(stage).includes(FIRST)) at.push(seconds)
      fail(stage)
      second(stage)
    }
    expect(at).toEqual([0, 3, 13])
  })

  it('that had no room are asked again as by a newcomer, until there are two', () => {
    const slots = (linked: number): string[] => {
      const anchors = ['q', 'r', 's'].map((letter) => peer(letter))
      const stage = restarted(anchors)
      stage.input({ ...linkUp(1, RELAY), isSecure: false })
      for (const [i, { id, remote }] of stage.node.signaling.links.slice(0, linked).entries())
        stage.input(linkUp(i + 2, remote, id))
      fail(stage)
      second(stage, 4)
      return stage.node.signaling.links.filter(({ remote }) => anchors.includes(remote)).map(({ slot }) => slot)
    }
    expect(slots(0)).toEqual(['guest', 'guest', 'guest'])
    expect(slots(1)).toEqual(['guest', 'guest'])
    expect(slots(2)).toEqual(['bucket'])
  })

  it('that a link stands to are not asked again, also once it has gone', () => {
    const stage = restarted([FIRST])
    stage.input({ ...linkUp(1, RELAY), isSecure: false })
    const exchange = stage.last('createOffer').exchange as ExchangeId
    stage.input(linkUp(2, FIRST, exchange))
    second(stage)
    stage.frame({ kind: 'goodbye', reason: 'leaving' }, 2)
    second(stage, 100)
    expect(offered(stage)).toEqual([])
  })

  it('take no place but a free one', () => {
    const anchors = ['q', 'r', 's', 't'].map((letter) => peer(letter))
    const stage = restarted(anchors, 4)
    stage.input({ ...linkUp(1, RELAY), isSecure: false })
    // Of four places the relay has one.
    expect(offered(stage)).toEqual(anchors.slice(0, 3))
  })

  it('are eight at most, and never we ourselves', () => {
    const many = ['b', ...'qrstuvwxyz'].map((letter) => peer(letter))
    const stage = restarted(many, 64)
    stage.input({ ...linkUp(1, RELAY), isSecure: false })
    expect(offered(stage)).toEqual(many.slice(1, 9))
  })
})

describe('whom to save as anchors', () => {
  it('are the longest-standing that we chose ourselves, then the longest-standing of others, four in all', () => {
    const stage = new Stage('b', 16)
    expect(stage.node.neighbors.anchors()).toEqual([RELAY])
    const link = (number: number, letter: string): void => void stage.input(linkUp(number, peer(letter)))
    link(2, 'r')
    const chosen = stage.offers(peer('c'))
    link(3, 's')
    link(4, 't')
    link(5, 'u')
    stage.input(linkUp(6, peer('c'), chosen))
    expect(stage.node.neighbors.anchors()).toEqual([peer('c'), RELAY, peer('r'), peer('s')])
  })

  it('are not those that got a link by asking for one in a lookup, though the offer was ours', () => {
    const stage = new Stage('b', 16)
    stage.frame({
      kind: 'lookup',
      hopLimit: 30,
      hops: 3,
      attempt: 0,
      viaBootstrap: false,
      id: 'l'.padEnd(26, 'a') as never,
      target: peer('b'),
      requester: peer('x'),
      bucketMin: 0,
      bucketMax: 255,
      slot: 'guest',
    })
    const exchange = stage.last('createOffer').exchange as ExchangeId
    stage.input(linkUp(2, peer('x'), exchange))
    expect(stage.node.neighbors.get(peer('x'))).toMatchObject({ isInitiator: true, isRequested: false })
  })
})
