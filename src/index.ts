/** The public face of musubi, and nothing else. */

export type { BroadcastHandle } from './broadcast-handle.ts'
export type { AcceptOptions, Call } from './call.ts'
export type { Data, Json } from './data.ts'
export { MeshError, type MeshErrorCode } from './errors.ts'
export type { BootstrapChange, MeshEvents, OfferPath, PeerChange, Received } from './events.ts'
export type { Listener, ListenOptions } from './listening.ts'
export {
  createMesh,
  type DialOptions,
  type Mesh,
  type MeshIdentity,
  type ReadyOptions,
  type Receipt,
  type SendOptions,
  type SignalOption,
} from './mesh.ts'
export type { MeshOptions, WebRtc } from './options.ts'
export type { MeshState, NeighborSnapshot, PeerInfo, Snapshot, TopicSnapshot } from './snapshot.ts'
export type { Topic, TopicEvents, TopicMessage } from './topic.ts'
