/** How the HTML report looks: one column on a phone, two on a desk, in light and dark. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--paper:#fff;--ground:#f3f4f6;--ink:#1b1d21;--soft:#5d636e;--line:#e3e5e9}
@media(prefers-color-scheme:dark){:root{--paper:#16181c;--ground:#0d0e11;--ink:#e9eaec;--soft:#9aa0aa;--line:#2a2d33}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
main{max-width:1500px;margin:0 auto;padding:28px 24px 48px}
h1{font-size:26px;margin:0 0 6px;letter-spacing:-.01em}h2{font-size:16px;margin:0 0 10px}
p{margin:4px 0;color:var(--soft)}code{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--ink);overflow-wrap:anywhere}
.badge{font-size:13px;font-weight:600;letter-spacing:0;padding:3px 10px;border-radius:99px;vertical-align:4px;color:#fff}
.good{background:#16794c}.bad{background:#b3261e}.warn{background:#8a5a00}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(170px,1fr));gap:14px;margin:22px 0}
.tile,.tables section{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:16px 18px}
.tile b{display:block;font-size:25px;font-weight:650;font-variant-numeric:tabular-nums;letter-spacing:-.01em}
.tile span{color:var(--soft);font-size:13px;line-height:1.35;display:block}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,560px),1fr));gap:16px}
figure{margin:0;background:var(--paper);border:1px solid var(--line);border-radius:10px;overflow:hidden}
figure svg{display:block;width:100%;height:auto}
.tables{columns:2 560px;column-gap:16px;margin-top:16px}.tables section{break-inside:avoid;margin-bottom:16px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:13.5px;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--soft);text-align:right;padding:2px 0 6px 14px;white-space:nowrap}
td{text-align:right;padding:5px 0 5px 14px;border-top:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0;white-space:normal}
.note{font-size:13px;margin-top:10px}footer{color:var(--soft);margin-top:8px;font-size:13.5px}
`;
