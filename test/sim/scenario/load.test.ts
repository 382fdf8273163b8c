/** Scenario documents: whatever is wrong with one is said with its place in it. */

import { describe, expect, test } from 'vitest'
import { loadScenario, planOf, ScenarioError, variantsOf } from '../../../src/sim/index.ts'

type Document = Record<string, unknown>

const head = { name: 'tiny', description: 'A mesh.', source: 'a test', defaults: { peers: 5 } }
const join = { do: 'join', share: 1, withinMs: 100 }
const document = (changes: Document = {}): Document => ({ ...head, phases: [join], ...changes })
const phases = (...steps: Document[]): Document => document({ phases: [join, ...steps] })
const options = (given: Document): Document => document({ defaults: { peers: 5, options: given } })

const mistakes: [what: string, document: unknown, message: string | RegExp][] = [
  ['is no object', null, /^scenario: /],
  ['has no phases', { ...head }, 'tiny: phases: is missing'],
  ['has empty phases', document({ phases: [] }), 'tiny: phases'],
  ['has a name with spaces', document({ name: 'Two Words' }), 'name: must be lower-case words'],
  ['has a misspelt key', document({ phase: [] }), 'phase: there is no such option'],
  ['has no size', document({ defaults: {} }), 'defaults.peers: is missing'],
  ['has a size of nothing', document({ defaults: { peers: 0 } }), 'defaults.peers'],
  ['has an unknown simulator option', options({ linkMax: 3 }), 'defaults.options.linkMax: there is no such option'],
  ['has an option out of range', options({ lossRate: 2 }), 'defaults.options.lossRate'],
  ['has an endless option', options({ lotteryPerSecond: Infinity }), 'defaults.options.lotteryPerSecond'],
  ['has an option with a range backwards', options({ cryptoMs: [5, 1] }), 'options.cryptoMs must be'],
  ['has an unknown latency model', options({ latency: { kind: 'warp' } }), 'defaults.options.latency.kind'],
  ['has an unknown step', phases({ do: 'dance' }), 'phases.1.do'],
  ['misspells a step option', phases({ do: 'run', forSec: 3 }), 'phases.1.forSec: there is no such option'],
  ['leaves out a step option', phases({ do: 'run' }), 'phases.1.forMs: is missing'],
  ['says twice how many', phases({ do: 'crash', count: 1, share: 0.5 }), 'phases.1: needs either count or share'],
  ['does not say how many', phases({ do: 'freeze', forMs: 5 }), 'phases.1: needs either count or share'],
  ['joins at no pace', phases({ do: 'join', as: 'more', count: 3 }), 'phases.1: needs either everyMs or withinMs'],
  ['cuts into parts of more than all', phases({ do: 'partition', shares: [0.5, 0.6] }), 'phases.1.shares: must add up'],
  ['names an unknown behaviour', phases({ do: 'corrupt', count: 1, behavior: 'rude' }), 'phases.1.behavior'],
  ['churns by an unknown law', phases({ do: 'churn', model: { kind: 'zipf' } }), 'phases.1.model.kind'],
  [
    'churns without an end',
    phases({ do: 'churn', model: { kind: 'poisson', medianMs: 0 } }),
    'phases.1.model.medianMs',
  ],
  [
    'churns by a law without a shape',
    phases({ do: 'churn', model: { kind: 'weibull', shape: 0, meanMs: 1 } }),
    'phases.1.model.shape',
  ],
  ['has a seed that no option takes', document({ defaults: { peers: 5, seed: -1 } }), 'defaults.seed'],
  ['uses a label twice', phases(join), 'phases.1.as: "join" is phase 0\'s label'],
  ['labels with two words', phases({ do: 'sample', as: 'at the end' }), 'phases.1.as: must be one word'],
  ['gates nothing', document({ expect: [{ metric: 'violations' }] }), 'expect.0: needs min or max'],
  [
    'gates an unknown metric',
    document({ expect: [{ metric: 'joy', min: 1 }] }),
    'expect.0.metric: nothing before measures "joy"; there are: violations',
  ],
  [
    'gates the unicasts of a phase without any',
    document({ phases: [join, { do: 'run', forMs: 10 }], expect: [{ metric: 'run.success', min: 1 }] }),
    'nothing before measures "run.success"',
  ],
  [
    'gates the topic of broadcasts that have none',
    document({ phases: [join, { do: 'broadcasts', count: 1 }], expect: [{ metric: 'broadcasts.known.min', min: 1 }] }),
    'nothing before measures "broadcasts.known.min"',
  ],
  [
    'checks what is measured only later',
    document({ phases: [join, { do: 'check', expect: [{ metric: 'sample.peers', min: 1 }] }, { do: 'sample' }] }),
    'phases.1.expect.0.metric: nothing before measures "sample.peers"',
  ],
  [
    'compares with a baseline that it lacks',
    document({ expect: [{ metric: 'violations', max: { times: 2, of: 'baseline' } }] }),
    'expect.0.max.of: the scenario has no baseline',
  ],
  [
    'judges by an unknown parameter',
    document({ expect: [{ metric: 'violations', max: { by: 'mood', values: { good: 1 } } }] }),
    'expect.0.max.by: must be "peers" or a parameter',
  ],
  [
    'judges sizes by words',
    document({ expect: [{ metric: 'violations', max: { by: 'peers', values: { many: 1 } } }] }),
    'expect.0.max.values: must name a number of peers, not "many"',
  ],
  [
    'judges by a value that never comes',
    document({
      parameters: { share: [0.1, 0.2] },
      expect: [{ metric: 'violations', max: { by: 'share', values: { 0.1: 1, 0.3: 2 } } }],
    }),
    'expect.0.max.values: must name one of 0.1, 0.2, not "0.3"',
  ],
  [
    'has a limit that is none',
    document({ expect: [{ metric: 'violations', max: 'few' }] }),
    'expect.0.max: must be a number',
  ],
  ['has a parameter without values', document({ parameters: { share: [] } }), 'parameters.share'],
  ['uses a parameter that it lacks', phases({ do: 'crash', share: '$share' }), 'phases.1.share'],
]

test.each(mistakes)('a document that %s is refused', (_, wrong, message) => {
  expect(() => loadScenario(wrong)).toThrow(ScenarioError)
  expect(() => loadScenario(wrong)).toThrow(message)
})

test('a mistake that only one value of a parameter makes is found, and the value named', () => {
  const wrong = document({ parameters: { share: [0.5, 5] }, phases: [join, { do: 'crash', share: '$share' }] })
  expect(() => loadScenario(wrong)).toThrow('tiny {"share":5}: phases.1.share')
})

describe('parameters', () => {
  const scenario = loadScenario(
    document({
      parameters: { share: [0.1, 0.2], split: ['half', 'tenth'] },
      phases: [
        join,
        { do: 'crash', share: '$share' },
        { do: 'partition', shares: { by: 'split', half: [0.5, 0.5], tenth: [0.9, 0.1] } },
      ],
    }),
  )

  test('make a variant of each combination', () => {
    expect(variantsOf(scenario)).toEqual([
      { share: 0.1, split: 'half' },
      { share: 0.1, split: 'tenth' },
      { share: 0.2, split: 'half' },
      { share: 0.2, split: 'tenth' },
    ])
  })

  test('have their first value unless another is chosen, listed or not', () => {
    expect(planOf(scenario).phases[1]).toMatchObject({ share: 0.1 })
    const { phases: chosen } = planOf(scenario, { parameters: { share: 0.7, split: 'tenth' } })
    expect(chosen.slice(1)).toMatchObject([{ share: 0.7 }, { shares: [0.9, 0.1] }])
  })

  test('that do not exist are refused', () => {
    expect(() => planOf(scenario, { parameters: { chair: 1 } })).toThrow('parameters.chair: there is no such parameter')
    expect(() => planOf(scenario, { parameters: { constructor: 1 } })).toThrow('parameters.constructor: there is no')
  })
})

test("a run's own options are checked like the document's and win over them", () => {
  const scenario = loadScenario(options({ linksMax: 8, jitter: 0 }))
  expect(planOf(scenario, { peers: 3, seed: 9, options: { linksMax: 6 } })).toMatchObject({
    peers: 3,
    seed: 9,
    options: { linksMax: 6, jitter: 0 },
  })
  expect(() => planOf(scenario, { options: { linksMax: 'many' } })).toThrow('defaults.options.linksMax')
  for (const peers of [-5, 0, 1.5, Number.NaN]) expect(() => planOf(scenario, { peers })).toThrow('tiny: peers: ')
  for (const seed of [-1, 2 ** 32]) expect(() => planOf(scenario, { seed })).toThrow('tiny: seed: ')
})

test('of an option that is an object a run may change one field, but not the kind alone', () => {
  const symmetric = { options: { nat: { symmetricShare: 0.2 } } }
  expect(planOf(loadScenario(document()), symmetric).options.nat).toEqual({ symmetricShare: 0.2, blockedPairShare: 0 })
  const blocked = loadScenario(options({ nat: { symmetricShare: 0, blockedPairShare: 0.3 } }))
  expect(planOf(blocked, symmetric).options.nat).toEqual({ symmetricShare: 0.2, blockedPairShare: 0.3 })
  const slow = loadScenario(options({ latency: { kind: 'constant', ms: 300 } }))
  expect(planOf(slow, { options: { latency: { ms: 5 } } }).options.latency).toEqual({ kind: 'constant', ms: 5 })
  const uniform = { kind: 'uniform', minMs: 1, maxMs: 2 }
  expect(planOf(slow, { options: { latency: uniform } }).options.latency).toEqual(uniform)
  expect(() => planOf(slow, { options: { latency: { kind: 'uniform' } } })).toThrow('latency.minMs: is missing')
})
