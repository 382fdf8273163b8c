/**
 * Some of the 256 buckets of a geometry. All but a few of the buckets that matter are among the first 32 (half of all
 * peers fall into the first, a quarter into the next), so those are the bits of one number; upkeep asks all the time.
 */

const SHALLOW = 32

export class BucketSet {
  #shallow = 0
  #deep: Set<number> | null = null

  add(bucket: number): void {
    if (bucket < SHALLOW) this.#shallow |= 1 << bucket
    else (this.#deep ??= new Set()).add(bucket)
  }

  has(bucket: number): boolean {
    return bucket < SHALLOW ? (this.#shallow & (1 << bucket)) !== 0 : (this.#deep?.has(bucket) ?? false)
  }
}
