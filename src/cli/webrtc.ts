/**
 * Node has no WebRTC of its own, and musubi does not choose one for its users: @roamhq/wrtc is an optional peer
 * dependency and is loaded by name when a command needs it. Any module with the same classes will do.
 */

import { MeshError } from '../errors.ts'

/** What `--wrtc` means if it is not given. */
export const WRTC_DEFAULT = '@roamhq/wrtc'

/** The WebRTC implementation of that name, for `createMesh({ wrtc })`. Throws a `MeshError` that names the remedy. */
export async function loadWebRtc(specifier: string): Promise<unknown> {
  try {
    return await import(specifier)
  } catch (error) {
    const remedy = `Install it beside musubi (npm install ${specifier}) or name another one with --wrtc.`
    throw new MeshError('ERR_UNSUPPORTED', `The WebRTC module ${specifier} cannot be loaded. ${remedy}`, error)
  }
}
