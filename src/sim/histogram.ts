/** Histograms whose index is the value: hops, tries, milliseconds. */

/** Greater values count as this one: a request lives for minutes at most, and a wrong figure must not eat the memory. */
const VALUE_MAX = 1_000_000

/** Counts one item of this whole, non-negative value. */
export function addTo(histogram: number[], value: number): void {
  const index = Math.min(VALUE_MAX, value)
  while (histogram.length <= index) histogram.push(0)
  histogram[index] = (histogram[index] as number) + 1
}

/** Items of a histogram. */
export function totalOf(histogram: readonly number[]): number {
  return histogram.reduce((sum, count) => sum + count, 0)
}

/** Mean of a histogram whose index is the value; NaN when it is empty. */
export function meanOf(histogram: readonly number[]): number {
  return histogram.reduce((sum, count, value) => sum + count * value, 0) / totalOf(histogram)
}

/** The least value that `share` (0…1) of a histogram's items do not exceed; −1 when it is empty. */
export function quantileOf(histogram: readonly number[], share: number): number {
  const total = totalOf(histogram)
  let seen = 0
  return histogram.findIndex((count) => (seen += count) >= share * total && seen > 0)
}
