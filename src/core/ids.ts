/**
 * The names of things: peers, messages, links, exchanges, instants. All are branded, so that swapping two arguments
 * does not compile (STYLE 6). A peer id is its Ed25519 public key; ids are strings because the core compares, hashes
 * and prints them far more often than it puts them on a wire. How they look as bytes is `wire/ids.ts`.
 */

declare const brand: unique symbol
/** A record, not a literal: an intersection of two literals would be `never`, and anything would compile. */
type Brand<T, Name extends string> = T & { readonly [brand]: { readonly [N in Name]: true } }

/** A point of the 256-bit key space: 52 characters of lower-case base32 (RFC 4648 alphabet, no padding). */
export type Key = Brand<string, 'Key'>

/** The leading 50 bits of a key as an integer: what distances are computed from. `geometry.pointOf` makes it. */
export type Point = Brand<number, 'Point'>

/** A peer: its 32-byte Ed25519 public key as a `Key`. Position in the key space and address in one (DESIGN §2). */
export type PeerId = Key & Brand<string, 'PeerId'>

/** A network's name as a `Key`: SHA-256("musubi network 1" ‖ name). Meshes of different networks never mix. */
export type NetworkId = Key & Brand<string, 'NetworkId'>

/** A topic of a network as a `Key`: SHA-256("musubi topic 1" ‖ network id ‖ name). Its tree grows towards that key. */
export type TopicId = Key & Brand<string, 'TopicId'>

/** 16 random bytes as 26 characters of base32: names one request, reply or broadcast end to end. */
export type MessageId = Brand<string, 'MessageId'>

/** 16 random bytes as 26 characters of base32, chosen by the offerer: names one offer/answer exchange. */
export type ExchangeId = Brand<string, 'ExchangeId'>

/** One instance of a link, counted up by the shell and never reused: links are told apart by instance, not by id. */
export type LinkId = Brand<number, 'LinkId'>

/** One call of the public face (`send`, `broadcast`, `dial`), counted up by the shell. */
export type RequestId = Brand<number, 'RequestId'>

/** An instant in milliseconds since the Unix epoch (virtual in the simulator). Durations are plain numbers in `…Ms`. */
export type Instant = Brand<number, 'Instant'>
