/// How the page looks, on a screen by day and by night, and on paper.
enum AuditPageStyle {
    static let text = #"""
        :root {
          --paper: #fbfaf7; --card: #ffffff; --ink: #1d2329; --soft: #5b6570; --line: #e2dfd7; --accent: #1f5f8b;
          --read: #e6eef5; --read-ink: #1c4a6e; --write: #fbeccd; --write-ink: #6f4a00; --strong: #fae0dc; --strong-ink: #8a2113;
          --good: #dff0e3; --good-ink: #1c5a31; --mark: #fff1a8;
          --c0: #7a5ea8; --c1: #2f78b0; --c2: #2c8f86; --c3: #9aa5ae; --c4: #c98a1b; --c5: #a1437f; --c6: #c9c4b8; --fail: #c0392b;
        }
        @media (prefers-color-scheme: dark) {
          :root {
            --paper: #14171b; --card: #1c2127; --ink: #e7e5df; --soft: #a0a8b1; --line: #313840; --accent: #8cc2ea;
            --read: #1e3244; --read-ink: #b4d6f0; --write: #41320f; --write-ink: #f2d48c; --strong: #47211c; --strong-ink: #f7b9ae;
            --good: #1c3a26; --good-ink: #a9dcb8; --mark: #5a4d0c;
            --c0: #a78bd6; --c1: #5aa5dd; --c2: #4fb9ae; --c3: #6b7680; --c4: #dfa946; --c5: #d27bb4; --c6: #4a5058; --fail: #e8695b;
          }
        }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 3rem 1.5rem 4rem; max-width: 78rem; background: var(--paper); color: var(--ink);
          font: 16px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
          font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
        h1, h2, h3 { line-height: 1.2; font-weight: 650; letter-spacing: -0.012em; }
        h1 { font-size: 2.3rem; margin: 0 0 .4rem; }
        h2 { font-size: 1.35rem; margin: 2.6rem 0 1rem; }
        h3 { font-size: 1.05rem; margin: 0 0 .3rem; }
        p { margin: .4rem 0; max-width: 72ch; }
        code, pre, .mono { font: .86em/1.5 ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace; }
        pre { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem 1rem; margin: .5rem 0 1rem;
          overflow-x: auto; white-space: pre-wrap; }
        .hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); margin: 0; }
        .kicker { text-transform: uppercase; letter-spacing: .12em; font-size: .78rem; font-weight: 650; color: var(--accent); margin: 0 0 .5rem; }
        .facts, .soft, .count, footer { color: var(--soft); } .facts { max-width: none; } .small { font-size: .86rem; }
        .note { background: var(--write); color: var(--write-ink); padding: .8rem 1rem; border-radius: .5rem; }
        .banner { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1.1rem; border-radius: .9rem; padding: 1.3rem 1.5rem; margin: 1.8rem 0 0;
          background: var(--good); color: var(--good-ink); }
        .banner.fair { background: var(--write); color: var(--write-ink); } .banner.bad { background: var(--strong); color: var(--strong-ink); }
        .banner svg { width: 2.6rem; height: 2.6rem; grid-row: span 2; }
        .banner b { font-size: 1.25rem; letter-spacing: -0.01em; } .banner p { margin: 0; max-width: 80ch; } .banner ul { margin: .5rem 0 0; padding-left: 1.2rem; }
        .cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.6rem, 1fr)); gap: .8rem; }
        .card { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: .9rem 1.1rem; text-align: left; display: flex; flex-direction: column; justify-content: flex-start; width: 100%; color: inherit; }
        .card b { display: block; font-size: 1.9rem; line-height: 1.15; font-weight: 650; letter-spacing: -0.02em; }
        .card span { color: var(--soft); font-size: .9rem; }
        .card.alarm b { color: var(--fail); }
        button.card:hover { border-color: var(--accent); }
        .concerns { list-style: none; padding: 0; margin: 1.2rem 0 0; display: grid; gap: .5rem; }
        .concerns li { border-left: 3px solid var(--write-ink); padding: .1rem 0 .1rem .9rem; max-width: 90ch; }
        .concerns li.good { border-color: var(--good-ink); } .concerns li.bad { border-color: var(--fail); }
        .chart { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: 1rem; overflow-x: auto; }
        .chart svg { display: block; width: 100%; height: auto; min-width: 38rem; }
        .chart text { fill: var(--soft); font-size: 11px; } .chart .grid { stroke: var(--line); stroke-width: 1; }
        .chart .col { cursor: pointer; } .chart .hit { fill: transparent; } .chart .col:hover .hit, .chart .col:focus .hit { fill: var(--read); }
        .chart .col:focus { outline: none; }
        .k0 { fill: var(--c0); } .k1 { fill: var(--c1); } .k2 { fill: var(--c2); } .k3 { fill: var(--c3); } .k4 { fill: var(--c4); } .k5 { fill: var(--c5); } .k6 { fill: var(--c6); } .kf { fill: var(--fail); }
        .legend { display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; font-size: .86rem; color: var(--soft); margin: 0 0 .6rem; }
        .legend svg { width: .75rem; height: .75rem; margin-right: .4rem; vertical-align: -.05rem; }
        .controls { display: flex; flex-wrap: wrap; gap: .7rem; align-items: end; position: sticky; top: 0; z-index: 1;
          background: var(--paper); padding: .8rem 0; border-bottom: 1px solid var(--line); }
        .controls label { display: grid; gap: .2rem; font-size: .82rem; color: var(--soft); min-width: 0; }
        .controls .wide { flex: 1 1 14rem; }
        input, select, button { font: inherit; color: var(--ink); background: var(--card); border: 1px solid var(--line);
          border-radius: .5rem; padding: .45rem .7rem; width: 100%; max-width: 100%; }
        .controls select { max-width: 11rem; }
        button { width: auto; cursor: pointer; color: var(--accent); }
        button.link { border: 0; background: none; padding: 0; color: var(--accent); text-align: left; }
        input:focus-visible, select:focus-visible, button:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
        .panel { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; overflow: hidden; }
        .panel > p { padding: .2rem 1.1rem; color: var(--soft); }
        table { width: 100%; border-collapse: collapse; font-size: .93rem; }
        th { text-align: left; font-weight: 600; font-size: .78rem; color: var(--soft); padding: .6rem 1.1rem .4rem; }
        td { vertical-align: top; padding: .5rem 1.1rem; border-top: 1px solid var(--line); }
        td.num, th.num { text-align: right; white-space: nowrap; } td.time { white-space: nowrap; color: var(--soft); font-size: .88rem; }
        td.rest { color: var(--soft); font-size: .88rem; }
        .chip { display: inline-block; padding: .05rem .5rem; border-radius: 1rem; margin: .1rem .25rem .1rem 0; font-size: .78rem; font-weight: 600;
          background: var(--read); color: var(--read-ink); white-space: nowrap; max-width: 100%; overflow: hidden; text-overflow: ellipsis; }
        .chip.write { background: var(--write); color: var(--write-ink); } .chip.strong { background: var(--strong); color: var(--strong-ink); }
        .chip.good { background: var(--good); color: var(--good-ink); }
        .name { font-weight: 550; } td.name { min-width: 10ch; }
        .bar { height: .35rem; border-radius: .2rem; margin-top: .35rem; min-width: 3rem; display: block; width: 100%; }
        mark { background: var(--mark); color: inherit; border-radius: .2rem; }
        details { display: inline; } summary { cursor: pointer; color: var(--accent); display: inline; }
        dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.2rem; margin: 0; } dt { font-weight: 600; font-size: .88rem; } dd { margin: 0; color: var(--soft); max-width: 72ch; }
        footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: 1rem; font-size: .82rem; }
        @media (max-width: 44rem) {
          body { padding: 1.6rem 1rem 3rem; } h1 { font-size: 1.7rem; }
          thead { display: none; } tr { display: block; border-top: 1px solid var(--line); padding: .5rem 0; }
          td, td.num { display: block; border: 0; padding: .15rem 1rem; text-align: left; white-space: normal; }
          td[data-h]::before { content: attr(data-h) " "; color: var(--soft); font-size: .8rem; }
          .controls { position: static; } .controls label { flex: 1 1 8rem; } .controls select { max-width: 100%; }
          tr td:last-child { padding-bottom: .4rem; } dl { grid-template-columns: 1fr; } dd { margin-bottom: .5rem; } .banner { grid-template-columns: 1fr; }
        }
        @media print {
          :root { --paper: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --read: #eee; --read-ink: #000; --write: #eee; --write-ink: #000; --strong: #ddd; --strong-ink: #000; --good: #eee; --good-ink: #000; --mark: #fff; }
          html { font-size: 11.5px; } body { padding: 0; max-width: none; font-size: 1rem; } .controls, #more, noscript, .concerns button { display: none; }
          h2 { margin: 1.8rem 0 .7rem; } td { padding: .3rem .7rem; } th { padding: .4rem .7rem .3rem; } td { line-height: 1.3; } td.rest { min-width: 24ch; } .chip { white-space: normal; overflow-wrap: normal; }
          .card { padding: .5rem .8rem; } .card b { font-size: 1.5rem; } .chart text { font-size: 14px; }
          .panel, .chart { overflow: visible; } .chart svg { min-width: 0; } tr, .card, .banner, .chart { break-inside: avoid; } h2 { break-after: avoid; } .chip, .banner { border: 1px solid #999; }
          .kf, .k0, .k1, .k2, .k3, .k4, .k5, .k6 { print-color-adjust: exact; }
        }
        @page { margin: 16mm; }
        """#
}
