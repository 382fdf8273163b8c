/** The report's style sheet. Colours are pairs for light and dark with a contrast of at least 4.5 : 1 for text. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: light-dark(#f4f2ee, #14161a);
  --panel: light-dark(#ffffff, #1c1f25);
  --line: light-dark(#dcd8d0, #333843);
  --text: light-dark(#1d1f23, #eceae4);
  --quiet: light-dark(#61646b, #a2a6af);
  --good: light-dark(#16733a, #6bd794);
  --bad: light-dark(#b3261e, #ff9288);
  --c1: light-dark(#0b7367, #4fd1bf);
  --c2: light-dark(#d2602f, #ff9e70);
  --c3: light-dark(#3f5fb8, #8fb0ff);
  --c4: light-dark(#7a3fb8, #c9a0ff);
  --c5: light-dark(#8a6a00, #f2c14e);
  --c6: light-dark(#9a2f62, #ff8fbf);
  font: 400 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif;
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 32px 24px; max-width: 1120px; background: var(--ground); color: var(--text); }
header { display: flex; align-items: baseline; justify-content: space-between; gap: 14px; border-bottom: 2px solid var(--c1); padding-bottom: 10px; }
.mark { color: var(--c1); font-size: 14px; font-weight: 600; white-space: nowrap; }
h1 { margin: 0; font-size: 26px; font-weight: 650; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { margin: 0 0 12px; font-size: 19px; font-weight: 650; }
h2 small { color: var(--quiet); font-weight: 400; }
section { margin: 20px 0; padding: 20px; background: var(--panel); border: 1px solid var(--line); border-radius: 12px; }
.lead { margin: 0 0 4px; font-size: 17px; max-width: 68ch; }
.source, .quiet, footer { color: var(--quiet); font-size: 13px; }
.source { margin: 0 0 16px; max-width: 90ch; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 14px 5px 0; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--quiet); font-weight: 500; }
tbody tr:last-child td { border-bottom: 0; }
code { font: 12.5px ui-monospace, 'SF Mono', Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.met { color: var(--good); }
.missed { color: var(--bad); font-weight: 650; }
.error { padding: 10px 12px; border-left: 3px solid var(--bad); white-space: pre-wrap; overflow-wrap: anywhere; font-size: 12.5px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 18px 0 0; font-size: 13.5px; }
.key { display: inline-flex; align-items: center; gap: 7px; }
.key i { width: 18px; height: 3px; border-radius: 2px; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 20px 28px; margin: 14px 0 6px; }
figure { margin: 0; break-inside: avoid; }
figcaption { font-weight: 600; font-size: 14px; margin-bottom: 4px; }
.empty { color: var(--quiet); padding: 40px 0; text-align: center; border: 1px dashed var(--line); border-radius: 8px; }
svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--quiet); font-size: 11px; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--line); stroke-width: 1; }
.axis, .tick { stroke: var(--quiet); stroke-width: 1; }
.curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
${[1, 2, 3, 4, 5, 6].map((slot) => `.curve.c${slot} { stroke: var(--c${slot}); } .bar.c${slot} { fill: var(--c${slot}); } .k${slot} { background: var(--c${slot}); }`).join('\n')}
details { margin-top: 14px; }
summary { cursor: pointer; font-weight: 600; font-size: 14px; }
.phases { columns: 2; margin: 10px 0; padding-left: 24px; font-size: 13.5px; }
footer { margin: 24px 4px; }
@media print {
  :root { color-scheme: light; font-size: 12px; }
  body { max-width: none; padding: 0; background: none; }
  section { border: 0; padding: 0; break-inside: auto; }
  .plots { grid-template-columns: 1fr 1fr; }
}
`
