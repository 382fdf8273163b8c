/** Getting in and staying found, as far as no server is needed to see it: when a node is ready, and what alarms it. */

import { describe, expect, it } from 'vitest'
import type { PeerId } from '../../src/core/ids.ts'
import { link, peer } from './ids.ts'
import { linkUp, RELAY, Stage } from './stage.ts'

const LETTERS = 'abcdefghijklmnopqrstuvwxyz'

/** No bootstrap can be reached for now; our relay has come to us of its own accord. */
function linked(linksMax = 32): Stage {
  const stage = new Stage('b', linksMax, { hasBootstrap: true, isAlone: true })
  stage.input({ kind: 'bootstrapFailed', reason: 'not there' })
  return stage.input({ ...linkUp(1, RELAY), isSecure: false })
}

const isReady = (stage: Stage): boolean => stage.events().some(({ kind }) => kind === 'ready')
const visits = (stage: Stage): number =>
  stage.effects.filter((effect) => effect.do === 'contactBootstrap' && effect.purpose === 'visit').length
const hears = (stage: Stage, peers: readonly PeerId[]): void =>
  void stage.frame({ kind: 'peers', peers, room: 0xffff_ffff })

/** A second goes by in which every neighbour is heard of. */
function second(stage: Stage): void {
  stage.input({ kind: 'timer', token: { kind: 'tick' } }, 1_000)
  stage.input({ kind: 'timer', token: { kind: 'maintain' } }, 0)
  for (const { link: on } of stage.node.neighbors.all())
    stage.input({ kind: 'frame', link: on, frame: { kind: 'heartbeat', isEcho: true, hasRoom: true, stamp: 0 } }, 0)
}

describe('a newcomer', () => {
  /** Seconds from its first link until it is ready; each second `rumour` says who is spoken of. */
  const readyAfter = (rumour: (seconds: number) => readonly PeerId[]): number => {
    const stage = linked()
    for (let seconds = 0; seconds < 60; seconds++) {
      if (isReady(stage)) return seconds
      hears(stage, rumour(seconds))
      second(stage)
    }
    return Infinity
  }

  it('is ready as soon as nobody nearer is known', () => {
    expect(readyAfter(() => [])).toBeLessThanOrEqual(2)
  })

  it('is not ready while somebody nearer is rumoured of, but ten seconds after its first link at the latest', () => {
    // Each nearer than the one before: 'bz', 'by' … and none ever answers.
    const after = readyAfter((seconds) => [peer(`b${LETTERS[25 - (seconds % 25)]}`)])
    expect(after).toBeGreaterThanOrEqual(9)
    expect(after).toBeLessThanOrEqual(11)
  })
})

describe('a member', () => {
  /** With nine neighbours for a while, of which `lost` fall silent at once. */
  const after = (lost: number): Stage => {
    const stage = linked()
    const others = [...'cfkmpsvy'].map((letter) => peer(letter))
    for (const [i, id] of others.entries()) stage.input(linkUp(i + 2, id))
    for (let i = 0; i < 15; i++) second(stage)
    expect(isReady(stage)).toBe(true)
    for (let i = 0; i < lost; i++) stage.input({ kind: 'linkDown', link: link(9 - i), reason: 'ice failed' })
    return stage
  }

  it('that loses more than half of its neighbours looks around through a bootstrap within seconds', () => {
    const stage = after(5)
    expect(stage.node.neighbors.size).toBe(4)
    for (let i = 0; i < 10; i++) second(stage)
    expect(visits(stage)).toBeGreaterThanOrEqual(1)
  })

  it('that loses fewer, or has new ones in their place, does not', () => {
    const few = after(4)
    for (let i = 0; i < 30; i++) second(few)
    expect(visits(few)).toBe(0)
    const replaced = after(5)
    replaced.input(linkUp(20, peer('d')))
    for (let i = 0; i < 30; i++) second(replaced)
    expect(visits(replaced)).toBe(0)
  })

  it('that has nobody left seeks a way in, not a split', () => {
    const stage = after(8)
    stage.input({ kind: 'linkDown', link: link(1), reason: 'ice failed' })
    for (let i = 0; i < 10; i++) second(stage)
    expect(stage.last('contactBootstrap').purpose).toBe('join')
    expect(visits(stage)).toBe(0)
  })
})
