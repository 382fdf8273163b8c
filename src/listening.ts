/** What `mesh.listen` takes and gives: any Node peer can let newcomers in, as a bootstrap does (DESIGN §7). */

/** Where to listen and whom to let in. */
export interface ListenOptions {
  /** 0–65535; 0, the default: any free one. */
  readonly port?: number
  /** Interface to listen on. Default: `127.0.0.1`, so that nobody is surprised by an open port. */
  readonly host?: string
  /** TLS certificate and private key, PEM: text, or the paths of files. Both or none. */
  readonly cert?: string
  readonly key?: string
  /** Pages that may connect, by origin. Default `'*'`: all. */
  readonly origin?: string | readonly string[]
  /** Ask every visitor for a token made with this secret (`musubi token`): 16 characters at least. Default: no. */
  readonly tokenSecret?: string
  /** Take addresses from the X-Forwarded-For of a reverse proxy that nobody can go around. Default false. */
  readonly trustProxy?: boolean
}

/** An open port. */
export interface Listener {
  readonly port: number
  /** What others pass as `bootstrap`. */
  readonly url: string
  close(): Promise<void>
}
