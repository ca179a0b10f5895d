/** Raycast's dark window, in points, on a background in the icon's colors. */

export const STYLE = `
:root { --text: rgba(255,255,255,.93); --quiet: rgba(255,255,255,.5); --line: rgba(255,255,255,.09);
  --raised: rgba(255,255,255,.07); --window: #1c1a22; }
* { box-sizing: border-box; margin: 0; }
body { width: 1000px; height: 625px; overflow: hidden; font: 13px/1.4 'Inter Variable', 'DejaVu Sans', sans-serif;
  color: var(--text); -webkit-font-smoothing: antialiased; }
.stage { position: absolute; inset: 0; background: linear-gradient(180deg, #221a45 0%, #3d3172 36%, #74507f 70%, #b8776c 100%); }
.window { position: absolute; left: 125px; top: 75px; width: 750px; height: 475px; border-radius: 13px;
  display: flex; flex-direction: column; overflow: hidden; background: var(--window);
  box-shadow: 0 0 0 .5px rgba(0,0,0,.6), inset 0 0 0 .5px rgba(255,255,255,.22), 0 30px 70px rgba(8,4,24,.55), 0 6px 18px rgba(8,4,24,.35); }
header { height: 56px; flex: none; display: flex; align-items: center; gap: 12px; padding: 0 14px;
  border-bottom: .5px solid var(--line); position: relative; }
header .back { width: 26px; height: 26px; border-radius: 7px; background: var(--raised); display: grid; place-items: center; color: rgba(255,255,255,.7); }
header .back svg { width: 14px; height: 14px; }
header .search { flex: 1; font-size: 16px; }
header .search:not(.quiet)::after { content: ''; border-left: 1.5px solid #ff9d7e; margin-left: 1px; }
header .dropdown { min-width: 170px; height: 32px; border: .5px solid rgba(255,255,255,.16); border-radius: 8px; padding: 0 10px;
  display: flex; align-items: center; justify-content: space-between; gap: 12px; font-size: 13px; }
header .dropdown b, .input b { color: var(--quiet); font-weight: 400; position: relative; top: -3px; }
header.loading::after { content: ''; position: absolute; left: 0; right: 0; bottom: -1px; height: 1.5px;
  background: linear-gradient(90deg, transparent 20%, #ff9d7e 50%, transparent 80%); }
main { flex: 1; display: flex; min-height: 0; overflow: hidden; position: relative; }
footer { height: 40px; flex: none; display: flex; align-items: center; gap: 8px; padding: 0 10px 0 14px; font-size: 12.5px; font-weight: 500;
  background: rgba(255,255,255,.045); border-top: .5px solid var(--line); color: var(--quiet); white-space: nowrap; }
footer .primary, footer .toast-title { color: var(--text); }
footer .icon { width: 18px; height: 18px; }
footer .rule { width: .5px; height: 16px; background: rgba(255,255,255,.22); margin: 0 4px; }
footer .toast { width: 8px; height: 8px; border-radius: 50%; background: #5cd39b; box-shadow: 0 0 0 4px rgba(92,211,155,.2); margin: 0 4px; }
footer .toast.failure { background: #ff6b6b; box-shadow: 0 0 0 4px rgba(255,107,107,.2); }
footer .toast.animated { background: none; box-shadow: none; width: 13px; height: 13px; border: 1.5px solid rgba(255,255,255,.25); border-top-color: #fff; }
footer .name { overflow: hidden; text-overflow: ellipsis; }
.keys { display: inline-flex; gap: 3px; }
kbd { min-width: 20px; height: 20px; padding: 0 5px; border-radius: 5px; background: rgba(255,255,255,.1); color: rgba(255,255,255,.7);
  font: 500 11.5px/20px 'Inter Variable', 'DejaVu Sans', sans-serif; text-align: center; }
.spring { flex: 1; }
.icon { width: 16px; height: 16px; flex: none; display: inline-grid; place-items: center; color: rgba(255,255,255,.78); }
.icon svg, .icon img { width: 100%; height: 100%; display: block; }
.icon img.round { border-radius: 50%; }
.icon.text { font-size: 13px; }
.quiet { color: var(--quiet); }
.list { flex: 1; padding: 2px 8px 8px; overflow: hidden; }
.list.narrow { flex: 0 0 276px; border-right: .5px solid var(--line); }
.list h4 { font-size: 11.5px; font-weight: 600; color: var(--quiet); padding: 9px 8px 5px; }
.list h4 small { font-size: 11.5px; font-weight: 400; margin-left: 8px; color: rgba(255,255,255,.32); }
.list > .row:first-child { margin-top: 6px; }
.row { height: 40px; border-radius: 9px; padding: 0 10px; display: flex; align-items: center; gap: 10px; white-space: nowrap; }
.row.selected { background: rgba(255,255,255,.1); }
.row .title { font-weight: 500; overflow: hidden; text-overflow: ellipsis; flex: 0 1 auto; }
.row .subtitle { color: var(--quiet); overflow: hidden; text-overflow: ellipsis; flex: 0 100 auto; }
.row .accessory { color: var(--quiet); font-size: 12px; display: inline-flex; align-items: center; gap: 5px; flex: none; }
.accessory .icon { color: inherit; width: 14px; height: 14px; }
.tag { --ink: var(--quiet); display: inline-flex; align-items: center; gap: 4px; height: 20px; padding: 0 7px; border-radius: 6px; flex: none;
  font-size: 11.5px; font-weight: 500; color: var(--ink); background: color-mix(in srgb, var(--ink) 17%, transparent); }
dd .tag + .tag { margin-left: 4px; }
.tag .icon { width: 12px; height: 12px; color: inherit; }
.detail-pane { flex: 1; min-width: 0; display: flex; flex-direction: column; }
article { flex: 1; min-width: 0; padding: 18px 24px; font-size: 15px; line-height: 1.6; overflow: hidden; }
article.small { font-size: 13px; padding: 14px 18px; line-height: 1.55; }
article > * + * { margin-top: .75em; }
article h1 { font-size: 1.55em; line-height: 1.25; } article h2 { font-size: 1.25em; } article h3 { font-size: 1.08em; }
article em { color: rgba(255,255,255,.55); }
article strong { font-weight: 650; }
article blockquote { border-left: 3px solid rgba(255,255,255,.2); padding-left: 14px; color: rgba(255,255,255,.65); }
article code { font: .88em 'DejaVu Sans Mono', monospace; background: rgba(255,255,255,.1); border-radius: 5px; padding: .12em .36em; }
article pre { font: 11.5px/1.55 'DejaVu Sans Mono', monospace; background: rgba(255,255,255,.06); border-radius: 8px; padding: 12px 14px; overflow: hidden; white-space: pre; }
article hr { border: 0; border-top: .5px solid rgba(255,255,255,.16); }
article a, dd a { color: #8fb8ff; }
article ul, article ol { padding-left: 1.4em; }
article img { max-width: 100%; }
article table { border-collapse: collapse; font-size: .92em; }
article th, article td { text-align: left; padding: 5px 12px 5px 0; border-bottom: .5px solid var(--line); }
.facts { flex: none; width: 236px; border-left: .5px solid var(--line); padding: 16px 16px; font-size: 12.5px; overflow: hidden; }
.facts dt { color: var(--quiet); font-size: 12px; font-weight: 500; }
.facts dd { margin: 2px 0 11px; display: flex; align-items: center; gap: 6px; flex-wrap: wrap; }
.facts dd span { white-space: pre-wrap; }
.facts dd .icon { width: 14px; height: 14px; }
.facts hr { border: 0; border-top: .5px solid var(--line); margin: 3px 0 12px; }
.facts.rows { width: auto; border-left: 0; border-top: .5px solid var(--line); padding: 6px 18px 8px; }
.facts.rows dl { display: grid; grid-template-columns: auto 1fr; }
.facts.rows dt, .facts.rows dd { margin: 0; padding: 5px 0; font-size: 12px; border-bottom: .5px solid rgba(255,255,255,.06); }
.facts.rows dd { justify-content: flex-end; text-align: right; }
.facts.rows dt:last-of-type, .facts.rows dd:last-of-type { border-bottom: 0; }
.facts.rows dt:has(+ dd + hr), .facts.rows dd:has(+ hr) { border-bottom: 0; }
.facts.rows hr { grid-column: 1 / -1; margin: 4px 0; }
.empty { flex: 1; display: flex; flex-direction: column; align-items: center; justify-content: center; gap: 6px; text-align: center; padding: 0 120px; color: var(--quiet); }
.empty .icon { width: 52px; height: 52px; margin-bottom: 8px; color: rgba(255,255,255,.45); } .empty .icon svg { stroke-width: .9; }
.empty strong { color: var(--text); font-size: 15px; font-weight: 600; }
.form { flex: 1; display: grid; grid-template-columns: 208px 350px; column-gap: 16px; row-gap: 14px; align-content: start; padding: 24px 0; overflow: hidden; }
.form label { text-align: right; color: var(--quiet); font-weight: 500; padding-top: 7px; }
.form .field { min-height: 32px; display: flex; align-items: center; flex-wrap: wrap; gap: 8px; }
.form .field em { color: #ff6b6b; font-size: 12px; font-style: normal; }
.form .input { width: 100%; min-height: 32px; border-radius: 8px; border: .5px solid rgba(255,255,255,.16); background: rgba(255,255,255,.04); padding: 6px 10px; display: flex; align-items: center; gap: 8px; flex-wrap: wrap; }
.form .input b { margin-left: auto; } .form .tall { min-height: 96px; align-items: flex-start; white-space: pre-wrap; }
.form .button { justify-content: center; }
.form .focused .input { border: 1px solid #ff9d7e; } .form .wrong .input { border-color: #ff6b6b; }
.form .box { width: 16px; height: 16px; border-radius: 4px; border: .5px solid rgba(255,255,255,.3); display: grid; place-items: center; font-size: 11px; }
.form .box.checked { background: #ff8f75; border-color: #ff8f75; color: #1c1a22; font-weight: 700; }
.form p { color: var(--quiet); } .form hr { grid-column: 1 / -1; border: 0; border-top: .5px solid var(--line); }
.panel { position: absolute; right: 8px; bottom: 48px; width: 344px; max-height: 402px; border-radius: 11px; overflow: hidden; background: #282530; z-index: 2;
  display: flex; flex-direction: column; box-shadow: inset 0 0 0 .5px rgba(255,255,255,.2), 0 0 0 .5px rgba(0,0,0,.5), 0 16px 44px rgba(0,0,0,.5); }
.panel .rows { flex: 1; min-height: 0; overflow: hidden; }
.panel section { padding: 6px; } .panel section section { padding: 0; }
.panel section + section { border-top: .5px solid var(--line); }
.panel h5 { font-size: 11.5px; font-weight: 600; color: var(--quiet); padding: 4px 8px; }
.panel .action { height: 34px; border-radius: 8px; padding: 0 8px; display: flex; align-items: center; gap: 10px; font-weight: 500; white-space: nowrap; }
.panel .action.selected { background: rgba(255,255,255,.1); }
.panel .destructive, .panel .destructive .icon { color: #ff7a7a; }
.panel .find { height: 38px; flex: none; border-top: .5px solid var(--line); padding: 0 14px; line-height: 38px; color: var(--quiet); }
`;

/** The Mac's menu bar and an open menu. */
export const DESKTOP_STYLE = `
.bar { position: absolute; inset: 0 0 auto 0; height: 30px; background: rgba(20,14,40,.42); display: flex; align-items: center; gap: 18px; padding: 0 16px; font-weight: 500; }
.bar .icon { color: #fff; } .bar b { font-weight: 650; }
.bar .status { display: inline-flex; align-items: center; gap: 6px; height: 24px; padding: 0 9px; border-radius: 6px; }
.bar .status.open { background: rgba(255,255,255,.22); }
.menu { position: absolute; top: 36px; width: 320px; padding: 5px; border-radius: 11px; background: rgba(46,42,58,.97);
  box-shadow: inset 0 0 0 .5px rgba(255,255,255,.22), 0 0 0 .5px rgba(0,0,0,.5), 0 18px 50px rgba(8,4,24,.5); }
.menu h6 { font-size: 11.5px; font-weight: 600; color: var(--quiet); padding: 5px 9px 3px; }
.menu hr { border: 0; border-top: .5px solid rgba(255,255,255,.14); margin: 5px 9px; }
.menu .item { min-height: 27px; padding: 4px 9px; border-radius: 6px; display: flex; align-items: center; gap: 8px; }
.menu .item span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.menu .item .quiet { flex: 0 10 auto; } .menu .item .keys { opacity: .6; }
.menu .item kbd { background: none; padding: 0; min-width: 12px; font-size: 13px; }
.menu .item.off { color: var(--quiet); } .menu .item.off .icon { opacity: .5; }
`;
