/** What `mesh.listen` takes and gives: any Node peer can let newcomers in, as a bootstrap does (DESIGN §7). */

/** Where to listen. In Node, all options of `createBootstrap` that concern connections are understood as well. */
export interface ListenOptions {
  /** 0–65535; 0, the default: any free one. */
  readonly port?: number
  /** Interface to listen on. Default: `127.0.0.1`, so that nobody is surprised by an open port. */
  readonly host?: string
  /** TLS certificate and private key, PEM: text, or the paths of files. Both or none. */
  readonly cert?: string
  readonly key?: string
  /** Pages that may connect, by origin. Default: all. */
  readonly origin?: string | readonly string[]
}

/** An open port. */
export interface Listener {
  readonly port: number
  /** What others pass as `bootstrap`. */
  readonly url: string
  close(): Promise<void>
}
