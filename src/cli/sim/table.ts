/** Plain tables for terminals: columns as wide as their widest cell, figures to the right. */
export function textTable(
  rows: readonly (readonly string[])[],
  { indent = 2 }: { readonly indent?: number } = {},
): string {
  const widths = rows.reduce<number[]>((all, row) => row.map((cell, i) => Math.max(all[i] ?? 0, cell.length)), [])
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number))).join('  ')
  return rows.map((row) => `${' '.repeat(indent)}${line(row)}`.trimEnd()).join('\n')
}
