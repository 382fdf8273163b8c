/**
 * A channel is what a transport gives: whole binary messages both ways, in order, until it closes. One implementation
 * each for WebSocket (`websocket.ts`), data channel (`webrtc.ts`) and memory (`memory.ts`). A channel knows nothing of
 * frames, batches or peers: those are `link.ts`.
 */

/** Greatest message on any channel, in bytes: the portable maximum of an SCTP message (RFC 8831 §6.6). */
export const MESSAGE_BYTES_MAX = 16 * 1024

export interface Channel {
  readonly transport: 'webrtc' | 'websocket' | 'memory'
  /** The channel is encrypted end to end with the neighbour (DTLS; TLS where we see the certificate). */
  readonly isSecure: boolean
  /** Bytes handed over with `send` that have not left yet. Polled: @roamhq/wrtc never fires `bufferedamountlow`. */
  readonly bufferedAmount: number
  /** Never throws; a message for a closed channel is dropped. */
  send(message: Uint8Array): void
  /** Idempotent. `onClose` follows, exactly once. */
  close(reason: string): void
  /** Set by the owner before the next turn of the event loop; a message that comes earlier is held, not lost. */
  onMessage: (message: Uint8Array) => void
  onClose: (reason: string) => void
}
