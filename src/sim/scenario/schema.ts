/**
 * What a scenario file may say: one JSON document, strictly checked, so that a misspelt option is an error that names
 * its place and not a run that measures something else. The schema is written with valibot, because types, checks and
 * messages then come from one text; docs/SIMULATOR.md explains each word. What can be checked only across the document
 * (names of metrics, parameters) is `load.ts`'s.
 */

import * as v from 'valibot'

/** Random numbers begin with 32 bits. */
export const SEED_MAX = 2 ** 32 - 1

const NAME = v.pipe(v.string(), v.regex(/^[a-z][a-z0-9-]*$/, 'must be lower-case words joined by hyphens'))
const LABEL = v.pipe(v.string(), v.regex(/^[a-z][A-Za-z0-9]*$/, 'must be one word in camelCase'))
const ms = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000_000))
const count = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000_000))
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const rate = v.pipe(v.number(), v.minValue(0.001), v.maxValue(1_000_000))
const range = v.tuple([ms, ms])
const amount = v.pipe(v.number(), v.finite(), v.minValue(0))
const seed = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(SEED_MAX))

const LatencySchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('constant'), ms: amount }),
  v.strictObject({ kind: v.literal('uniform'), minMs: amount, maxMs: amount }),
  v.strictObject({ kind: v.literal('lognormal'), medianMs: amount, sigma: amount, maxMs: amount }),
  v.strictObject({
    kind: v.literal('coordinates'),
    regions: count,
    spanMs: amount,
    regionMs: amount,
    accessMs: range,
  }),
])

/** What `Simulation` can be told, apart from the seed. Each is explained where its default stands; ranges are `options.ts`'s. */
export const OptionsSchema = v.partial(
  v.strictObject({
    linksMax: v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(256)),
    lotteryPerSecond: amount,
    broadcastHoldMs: ms,
    latency: LatencySchema,
    jitter: amount,
    cryptoMs: range,
    lossRate: share,
    duplicationRate: share,
    reorderMs: ms,
    bytesPerSecond: v.nullable(amount),
    bufferBytesMax: amount,
    nat: v.strictObject({ symmetricShare: share, blockedPairShare: share }),
    describeMs: range,
    descriptionBytes: count,
    setupRoundTrips: amount,
    iceTimeoutMs: ms,
    skewMs: ms,
    detectionMs: ms,
    serverDetectionMs: ms,
    sampleMs: count,
    isStrict: v.boolean(),
  }),
)

/** So many peers: a number, or a share of those that it is about. */
const some = { count: v.optional(count), share: v.optional(share) }
const among = v.optional(v.picklist(['all', 'honest', 'survivors', 'connected']), 'all')
const timeoutMs = v.optional(ms, 30_000)
const as = v.optional(LABEL)
const topic = v.pipe(v.string(), v.minLength(1), v.maxLength(128))

const TrafficSchema = v.strictObject({
  perSecond: rate,
  among,
  timeoutMs,
  bytes: v.optional(count, 100),
  /** Acknowledged after more tries than these is not a success. */
  triesMax: v.optional(count),
})

const TableSchema = v.strictObject({ by: v.string(), values: v.record(v.string(), v.number()) })
const RatioSchema = v.strictObject({ times: v.number(), of: v.string() })
const LimitSchema = v.union([v.number(), TableSchema, RatioSchema], 'must be a number, { by, values } or { times, of }')

export const GateSchema = v.pipe(
  v.strictObject({
    metric: v.string(),
    min: v.optional(LimitSchema),
    max: v.optional(LimitSchema),
  }),
  v.check((gate) => gate.min !== undefined || gate.max !== undefined, 'needs min or max'),
)

const step = <Name extends string, Entries extends v.ObjectEntries>(name: Name, entries: Entries) =>
  v.strictObject({ do: v.literal(name), ...entries })

const isSome = (value: { count?: number | undefined; share?: number | undefined }): boolean =>
  (value.count === undefined) !== (value.share === undefined)
const SOME = 'needs either count or share'

const JoinSchema = v.pipe(
  step('join', { as, ...some, everyMs: v.optional(ms), withinMs: v.optional(ms) }),
  v.check((it) => isSome(it), SOME),
  v.check((join) => (join.everyMs === undefined) !== (join.withinMs === undefined), 'needs either everyMs or withinMs'),
)

const CrashSchema = v.pipe(
  step('crash', {
    ...some,
    of: v.optional(v.picklist(['peers', 'entries']), 'peers'),
    isNoticed: v.optional(v.boolean(), false),
  }),
  v.check((it) => isSome(it), SOME),
)

/** Ranges are `churn.ts`'s. */
const ChurnModelSchema = v.variant('kind', [
  v.strictObject({ kind: v.literal('weibull'), shape: amount, meanMs: ms }),
  v.strictObject({ kind: v.literal('poisson'), medianMs: ms }),
])

const BEHAVIORS = ['silentDropper', 'misrouter', 'ackForger', 'idFlooder', 'freeRider', 'broadcastFlooder'] as const

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

const PartitionSchema = step('partition', {
  shares: v.pipe(
    v.array(share),
    v.minLength(2),
    v.check((shares) => Math.abs(sum(shares) - 1) < 1e-9, 'must add up to 1'),
  ),
  isOneWay: v.optional(v.boolean(), false),
})

/** One step of a run. `do` says which. */
export const StepSchema = v.variant('do', [
  JoinSchema,
  step('settle', {
    as,
    until: v.optional(v.picklist(['ready', 'oneMesh', 'ring']), 'oneMesh'),
    limitMs: ms,
    everyMs: v.optional(count, 500),
  }),
  step('run', { as, forMs: ms, unicasts: v.optional(TrafficSchema) }),
  step('unicasts', { as, count, ...TrafficSchema.entries }),
  step('broadcasts', {
    as,
    count,
    everyMs: v.optional(ms, 1_000),
    waitMs: v.optional(ms, 10_000),
    senders: v.optional(v.union([count, v.picklist(['random', 'all'])]), 'random'),
    among,
    bytes: v.optional(count, 100),
    /** To those who have joined it, and from them. */
    topic: v.optional(topic),
  }),
  v.pipe(
    step('joinTopic', { ...some, topic }),
    v.check((it) => isSome(it), SOME),
  ),
  v.pipe(
    step('leaveTopic', { ...some, topic }),
    v.check((it) => isSome(it), SOME),
  ),
  step('sample', { as }),
  step('check', { expect: v.array(GateSchema) }),
  CrashSchema,
  v.pipe(
    step('leave', some),
    v.check((it) => isSome(it), SOME),
  ),
  v.pipe(
    step('freeze', { ...some, forMs: v.pipe(ms, v.minValue(1)) }),
    v.check((it) => isSome(it), SOME),
  ),
  v.pipe(
    step('corrupt', { ...some, behavior: v.picklist(BEHAVIORS) }),
    v.check((it) => isSome(it), SOME),
  ),
  PartitionSchema,
  step('churn', {
    model: ChurnModelSchema,
    leaveShare: v.optional(share, 0),
    replaceAfterMs: v.optional(ms, 0),
  }),
  step('stopChurn', {}),
  step('heal', {}),
  step('killBootstrap', {}),
  step('restartBootstrap', {}),
])

const parameter = v.union([v.number(), v.boolean(), v.string()])

/** What a run may choose although the document has said it. */
export const ChoiceSchema = v.strictObject({ peers: count, seed })

/** The head of a document: everything that does not depend on its parameters. */
export const HeadSchema = v.strictObject({
  name: NAME,
  description: v.pipe(v.string(), v.minLength(1)),
  source: v.pipe(v.string(), v.minLength(1)),
  defaults: v.strictObject({
    peers: count,
    testPeers: v.optional(count),
    seed: v.optional(seed, 1),
    options: v.optional(v.unknown()),
  }),
  parameters: v.optional(v.record(LABEL, v.pipe(v.array(parameter), v.minLength(1)))),
  baseline: v.optional(v.unknown()),
  phases: v.array(v.unknown()),
  expect: v.optional(v.array(v.unknown()), []),
})

/** The rest, after every "$parameter" was replaced. */
export const BodySchema = v.object({
  defaults: v.object({ options: v.optional(OptionsSchema, {}) }),
  baseline: v.optional(v.strictObject({ options: OptionsSchema })),
  phases: v.pipe(v.array(StepSchema), v.minLength(1)),
  expect: v.optional(v.array(GateSchema), []),
})

export type Step = v.InferOutput<typeof StepSchema>
export type StepOf<Name extends Step['do']> = Extract<Step, { readonly do: Name }>
export type Gate = v.InferOutput<typeof GateSchema>
export type Limit = v.InferOutput<typeof LimitSchema>
export type Traffic = v.InferOutput<typeof TrafficSchema>
export type ScenarioOptions = v.InferOutput<typeof OptionsSchema>
export type Parameter = v.InferOutput<typeof parameter>
